import type { TensorInfo } from '@cutpoint/protocol';
import { difference, TOLERANCE } from '../ort/difference.js';
import { fromOrt, toOrt } from '../ort/tensors.js';
import { randomFeeds } from '../prepare/random-feeds.js';
import type { SessionNews, TrialOutcome, TrialTask } from './dispatcher.js';
import { runStacked } from './run-batch.js';
import type { Opened, TailSessions } from './tail-sessions.js';
import type { OrtTensors } from './tail-tensors.js';

/** Pairs of runs at most, and ms after which there are enough of them for one time: requests wait meanwhile. */
const PAIRS = 5;
const ENOUGH_MS = 60;

/** Runs random inputs at once and one by one, and compares what comes out, or how long it took. */
export async function tryBatch(sessions: TailSessions, task: TrialTask): Promise<TrialOutcome & SessionNews> {
  const opened: Opened[] = [];
  const members = Array.from({ length: task.size }, (_, index) => ({ feeds: feedsFor(task.inputs, index + 1) }));
  const together = async () => await runOn(sessions, task.batchGraphFile, task, members, opened);
  const single = async (member: Member) => await runOn(sessions, task.graphFile, task, [member], opened);
  const outcome = await (task.isCheck ? checked(members, single, together) : timed(members, single, together));
  const [released, fallbacks] = [opened.flatMap((each) => each.released), opened.flatMap((each) => each.fallbacks)];
  return { ...outcome, released, fallbacks, open: sessions.held };
}

interface Member {
  readonly feeds: OrtTensors;
}

async function checked(
  members: readonly Member[],
  single: (member: Member) => Promise<Run>,
  together: () => Promise<Run>,
): Promise<TrialOutcome> {
  const all = await together();
  let oneMs = Number.POSITIVE_INFINITY;
  for (const [part, member] of members.entries()) {
    const { outputs, ms } = await single(member);
    oneMs = Math.min(oneMs, ms);
    const differs = compare(all.outputs, outputs, part, members.length);
    if (differs !== undefined) return { oneMs, togetherMs: all.ms, pairs: 0, difference: differs };
  }
  return { oneMs, togetherMs: all.ms, pairs: 0 };
}

async function timed(
  members: readonly Member[],
  single: (member: Member) => Promise<Run>,
  together: () => Promise<Run>,
): Promise<TrialOutcome> {
  const [first] = members;
  if (first === undefined) throw new Error('a batch of none');
  let [oneMs, togetherMs, spentMs, pairs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0];
  while (pairs < PAIRS && spentMs < ENOUGH_MS) {
    const [one, batch] = [await single(first), await together()];
    // Whatever else the machine does only makes runs slower.
    [oneMs, togetherMs] = [Math.min(oneMs, one.ms), Math.min(togetherMs, batch.ms)];
    spentMs += one.ms + batch.ms;
    pairs += 1;
  }
  return { oneMs, togetherMs, pairs };
}

interface Run {
  readonly outputs: OrtTensors;
  readonly ms: number;
}

async function runOn(
  sessions: TailSessions,
  file: string,
  { weights: ofOne = 'own', batchWeights = 'own', outputs, batchGraphFile }: TrialTask,
  members: readonly Member[],
  log: Opened[],
): Promise<Run> {
  const weights = file === batchGraphFile ? batchWeights : ofOne;
  const found = await sessions.open(file, weights);
  const { result, opened } = await sessions.run(file, weights, found, async (session) => {
    const startedAt = performance.now();
    // As requests are run: stacking belongs to the time of a batch.
    const ran =
      file === batchGraphFile
        ? await runStacked(session, members, outputs)
        : ((await session.run(members[0]?.feeds ?? {}, [...outputs])) as OrtTensors);
    return { outputs: ran, ms: performance.now() - startedAt };
  });
  log.push(opened);
  return result;
}

function feedsFor(inputs: readonly TensorInfo[], seed: number): OrtTensors {
  const described = inputs.map((input) => ({ ...input, numBytes: 0, dynamic: false }));
  return toOrt(randomFeeds(described, seed));
}

function compare(batch: OrtTensors, single: OrtTensors, part: number, of: number): string | undefined {
  const [ofAll, expected] = [fromOrt(batch), fromOrt(single)];
  for (const [name, want] of Object.entries(expected)) {
    const all = ofAll[name];
    const length = (all?.bytes.byteLength ?? 0) / of;
    const [first, ...rest] = all?.dims ?? [];
    const own = all && { ...all, dims: [1, ...rest], bytes: all.bytes.subarray(part * length, (part + 1) * length) };
    const { relErr } = difference(first === of ? own : undefined, want);
    const tolerance = want.type === 'float16' ? TOLERANCE.float16 : TOLERANCE.float32;
    if (!(relErr <= tolerance)) return `"${name}" differs by ${relErr.toExponential(1)} of its range`;
  }
  return undefined;
}
