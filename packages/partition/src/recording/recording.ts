import type { Codec } from '../arm.js';
import { type DecisionInput, decide } from '../decision.js';
import { PartitionError } from '../errors.js';
import type { Cause, Plan } from '../plan.js';
import { checkInput, WrongInput } from './check-input.js';
import { readValue, readValues } from './shared-values.js';

export const RECORDING_FORMAT = 'cutpoint.recording.v2';
/** What decisions depended on before `conditions.ahead` was known means the same without it. */
const EARLIER_FORMATS: readonly unknown[] = ['cutpoint.recording.v1'];
/** A file that is longer is none of ours. */
export const MAX_RECORDING_CHARS = 64 * 1024 * 1024;

/** What was decided, in the few words by which two plans are compared. */
export interface Decided {
  readonly cut: number;
  readonly codec: Codec;
  readonly cause: Cause;
  /** What was predicted for it. */
  readonly totalMs: number;
}

/** One decision as it was recorded. */
export interface RecordedDecision {
  readonly model: string;
  readonly variant: string;
  /** All that it depended on. */
  readonly input: DecisionInput;
  readonly decided: Decided;
}

/** What an inference took, stage by stage, in ms and bytes, under the names of the client's trace. */
export interface RecordedTrace {
  /** Index of its decision. */
  readonly decision: number;
  readonly figures: Readonly<Record<string, number>>;
}

/** A session as it was: every decision with its conditions, and what came of it. */
export interface Recording {
  /** By the clock on the wall, ISO 8601. */
  readonly recordedAt: string;
  /** Not recorded any more, because the file had reached its limit. */
  readonly isCutShort: boolean;
  readonly decisions: readonly RecordedDecision[];
  readonly traces: readonly RecordedTrace[];
}

/** A decision made again. */
export interface ReplayedDecision {
  readonly recorded: RecordedDecision;
  /** `undefined` when it cannot be made any more. */
  readonly plan: Plan | undefined;
  /** In words, what is different; `undefined` when nothing is. */
  readonly difference: string | undefined;
}

export function decidedOf({ chosen: { arm, totalMs }, cause }: Plan): Decided {
  return { cut: arm.cut, codec: arm.codec, cause, totalMs };
}

/**
 * Reads what a recorder wrote.
 * @throws PartitionError `bad_recording`, which says where
 */
export function readRecording(text: string): Recording {
  if (text.length > MAX_RECORDING_CHARS) {
    throw badRecording(`${text.length} characters; at most ${MAX_RECORDING_CHARS} are read`);
  }
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw badRecording('it is no JSON', cause);
  }
  try {
    return recordingOf(file);
  } catch (error) {
    if (error instanceof WrongInput || error instanceof RangeError) throw badRecording(error.message);
    throw error;
  }
}

function badRecording(what: string, cause?: unknown): PartitionError {
  return new PartitionError('bad_recording', `This is no recording that can be replayed: ${what}.`, cause);
}

function recordingOf(file: unknown): Recording {
  const { format, recordedAt, isCutShort, values, decisions, traces } = fieldsOf(file, 'the file');
  if (format !== RECORDING_FORMAT && !EARLIER_FORMATS.includes(format)) {
    const earlier = EARLIER_FORMATS.map((each) => `, ${each}`).join('');
    throw new WrongInput(
      `format is ${JSON.stringify(format) ?? 'missing'}; ${RECORDING_FORMAT}${earlier} are read here`,
    );
  }
  const read = readValues(listAt(values, 'values'));
  const recorded = listAt(decisions, 'decisions').map((item, index) => decisionOf(item, read, `decisions.${index}`));
  return {
    recordedAt: textAt(recordedAt, 'recordedAt'),
    isCutShort: isCutShort === true,
    decisions: recorded,
    traces: listAt(traces, 'traces').map((item, index) => traceOf(item, recorded.length, `traces.${index}`)),
  };
}

function decisionOf(item: unknown, values: readonly unknown[], path: string): RecordedDecision {
  const { model, variant, input, cut, codec, cause, totalMs } = fieldsOf(item, path);
  return {
    model: textAt(model, `${path}.model`),
    variant: textAt(variant, `${path}.variant`),
    input: checkInput(readValue(input, values), `${path}.input`),
    decided: {
      cut: numberAt(cut, `${path}.cut`),
      // Only ever compared with words of ours.
      codec: textAt(codec, `${path}.codec`) as Codec,
      cause: textAt(cause, `${path}.cause`) as Cause,
      totalMs: numberAt(totalMs, `${path}.totalMs`),
    },
  };
}

function traceOf(item: unknown, numDecisions: number, path: string): RecordedTrace {
  const { decision, figures } = fieldsOf(item, path);
  const index = numberAt(decision, `${path}.decision`);
  if (!Number.isInteger(index) || index < 0 || index >= numDecisions) {
    throw new WrongInput(`${path}.decision is none of the ${numDecisions} decisions`);
  }
  const read = Object.entries(fieldsOf(figures, `${path}.figures`));
  return {
    decision: index,
    figures: Object.fromEntries(read.map(([name, value]) => [name, numberAt(value, `${path}.figures.${name}`)])),
  };
}

/** Makes every decision of a recording again, by this version's rules, and says of each whether it is the same. */
export function replayRecording({ decisions }: Recording): ReplayedDecision[] {
  return decisions.map((recorded) => {
    try {
      const { plan } = decide(recorded.input);
      return { recorded, plan, difference: differenceOf(recorded.decided, decidedOf(plan)) };
    } catch (error) {
      if (!(error instanceof PartitionError) && !(error instanceof RangeError)) throw error;
      return { recorded, plan: undefined, difference: `it cannot be made any more: ${error.message}` };
    }
  });
}

/** What two engines may make of one formula. */
const SAME_MS = 1e-9;

function differenceOf(was: Decided, is: Decided): string | undefined {
  if (was.cut !== is.cut || was.codec !== is.codec) {
    return `cut ${was.cut}, ${was.codec} is recorded; cut ${is.cut}, ${is.codec} is decided now`;
  }
  if (was.cause !== is.cause) return `the cause was "${was.cause}" and is "${is.cause}" now`;
  if (Math.abs(was.totalMs - is.totalMs) <= SAME_MS * Math.max(1, Math.abs(was.totalMs))) return undefined;
  return `${was.totalMs} ms were predicted, ${is.totalMs} ms are now`;
}

function fieldsOf(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new WrongInput(`${path} is not an object`);
}

function listAt(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new WrongInput(`${path} is not a list`);
}

function textAt(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  throw new WrongInput(`${path} is not a text`);
}

function numberAt(value: unknown, path: string): number {
  if (typeof value === 'number') return value;
  throw new WrongInput(`${path} is not a number`);
}
