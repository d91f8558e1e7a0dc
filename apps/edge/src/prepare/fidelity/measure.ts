import type { OnnxRuntime, RuntimeSession, RuntimeTensors } from '@cutpoint/onnx';
import type { Calibration, Fidelity, LossyCodec, TensorInfo } from '@cutpoint/protocol';
import { feedsOf } from '../session-feeds.js';
import { type AnswerSource, type Judge, judgeBy } from './answers.js';
import type { CalibrationInputs } from './calibration-feeds.js';
import { roundTrip } from './round-trip.js';

/** A cut whose codecs are tried. */
export interface TriedCut {
  /** `null` for the empty one. */
  readonly headGraph: Uint8Array | null;
  readonly tailGraph: Uint8Array;
  readonly crossing: readonly TensorInfo[];
  readonly codecs: readonly LossyCodec[];
}

export interface MeasureOptions {
  readonly runtime: OnnxRuntime;
  /** The unsplit network. */
  readonly wholeGraph: Uint8Array;
  readonly inputs: CalibrationInputs;
  readonly answers: AnswerSource | undefined;
  /** No cut is begun after it, the first one excepted. */
  readonly budgetMs: number;
  readonly nowMs?: () => number;
  readonly onMeasured?: (done: number, total: number) => void;
}

export interface MeasuredFidelity<T extends TriedCut> {
  readonly calibration: Calibration;
  readonly byCut: ReadonlyMap<T, readonly Fidelity[]>;
}

/** Few inputs say little of top-1 answers; more than this many would take time from other cuts. */
const INPUTS = { least: 2, most: 32 } as const;
/** What inputs and outputs of all calibration inputs may take in memory. */
const MAX_KEPT_BYTES = 256 * 2 ** 20;
/** What a cut costs for one input, in runs of the whole network: a head and a tail for each of two codecs, and the codecs. */
const RUNS_PER_CUT = 2;

/**
 * Runs heads, puts what crosses through each codec, runs tails, and compares with the unsplit network. In the order given, as
 * far as the budget goes; as many inputs as let about all cuts be tried.
 */
export async function measureFidelity<T extends TriedCut>(
  cuts: readonly T[],
  options: MeasureOptions,
): Promise<MeasuredFidelity<T>> {
  const nowMs = options.nowMs ?? (() => performance.now());
  const startedMs = nowMs();
  options.onMeasured?.(0, cuts.length);
  const { feeds, outputs } = await runReferences(cuts.length, options, nowMs);
  const judge = judgeBy(options.answers, outputs);
  const byCut = new Map<T, readonly Fidelity[]>();
  for (const cut of cuts) {
    if (byCut.size > 0 && nowMs() - startedMs > options.budgetMs) break;
    byCut.set(cut, await tryCut(options.runtime, cut, feeds, judge));
    options.onMeasured?.(byCut.size, cuts.length);
  }
  return { calibration: { metric: judge.metric, inputs: options.inputs.kind }, byCut };
}

/** The calibration inputs and what the unsplit network makes of them. */
async function runReferences(numCuts: number, options: MeasureOptions, nowMs: () => number) {
  const { runtime, wholeGraph, inputs, budgetMs } = options;
  const session = await runtime.open(wholeGraph);
  try {
    const feeds: RuntimeTensors[] = [];
    const outputs: RuntimeTensors[] = [];
    let count: number = INPUTS.least;
    for (let index = 0; index < count; index++) {
      const given = inputs.feeds(index);
      const startedMs = nowMs();
      outputs.push(await session.run(feedsOf(session, given)));
      feeds.push(given);
      // Not the first run, which is slower than the others.
      if (index + 1 === INPUTS.least) {
        const affordable = budgetMs / ((nowMs() - startedMs) * (1 + RUNS_PER_CUT * numCuts));
        const fitting = MAX_KEPT_BYTES / (numBytesOf(given) + numBytesOf(outputs[index] ?? {}));
        count = Math.max(count, Math.min(INPUTS.most, Math.floor(affordable), Math.floor(fitting)));
      }
    }
    return { feeds, outputs };
  } finally {
    await session.release();
  }
}

function numBytesOf(tensors: RuntimeTensors): number {
  return Object.values(tensors).reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
}

async function tryCut(
  runtime: OnnxRuntime,
  { headGraph, tailGraph, crossing, codecs }: TriedCut,
  inputs: readonly RuntimeTensors[],
  judge: Judge,
): Promise<readonly Fidelity[]> {
  const errors = new Map(codecs.map((codec) => [codec, [] as number[]]));
  const head = headGraph === null ? undefined : await runtime.open(headGraph);
  try {
    const tail = await runtime.open(tailGraph);
    try {
      for (const [index, feeds] of inputs.entries()) {
        const made = head === undefined ? {} : await head.run(feedsOf(head, feeds));
        for (const [codec, found] of errors) {
          found.push(judge.errorOf(index, await finish(tail, codec, crossing, { ...feeds, ...made })));
        }
      }
    } finally {
      await tail.release();
    }
  } finally {
    await head?.release();
  }
  return [...errors].map(([codec, found]) => ({
    codec,
    drop: rounded(found.reduce((sum, error) => sum + error, 0) / Math.max(1, found.length)),
    worst: rounded(Math.max(0, ...found)),
    inputs: found.length,
  }));
}

/** All outputs of a run whose crossing tensors went through a codec. */
async function finish(
  tail: RuntimeSession,
  codec: LossyCodec,
  crossing: readonly TensorInfo[],
  available: RuntimeTensors,
): Promise<RuntimeTensors> {
  const arrived = await roundTrip(codec, crossing, available);
  return { ...available, ...(await tail.run(feedsOf(tail, arrived))) };
}

/** Three digits, never less than what was found. */
function rounded(error: number): number {
  if (error === 0) return 0;
  const scale = 10 ** (2 - Math.floor(Math.log10(error)));
  return Math.min(1, Math.ceil(error * scale - 1e-9) / scale);
}
