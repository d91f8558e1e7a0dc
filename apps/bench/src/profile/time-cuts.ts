import type { CutDescription } from '@cutpoint/onnx';
import type { OrtDevice } from '../ort/device.js';
import { inOrder } from './monotony.js';
import type { PreparedNetwork } from './prepared-network.js';
import { type Timing, timingOf } from './timing.js';

/** A cut, timed on both sides. */
export interface TimedCut {
  readonly cut: CutDescription;
  readonly head: Timing;
  readonly tail: Timing;
}

export interface Sides {
  /** Where heads run. */
  readonly device: OrtDevice;
  /** Where tails run. */
  readonly edge: OrtDevice;
}

const NOTHING: Timing = Object.freeze({ ms: 0, spread: 0, runs: 0 });

/** WASM kernels get fast after some 15 runs. Large heads get fewer: they spend that long in their kernels anyway. */
const HEAD = { warmUp: 15, runs: 26, budgetMs: 2_500 };
const TAIL = { warmUp: 1, runs: 8 };
/** Tails that take less are run more often, being noisier. */
const QUICK_MS = 20;
const QUICK_TAIL = { warmUp: 5, runs: 40 };
const ROUNDS = 2;

/** Times some cuts of a network, again where a head is slower than a larger one or a tail than one that holds it. */
export async function timeCuts(
  network: PreparedNetwork,
  cuts: readonly CutDescription[],
  sides: Sides,
): Promise<TimedCut[]> {
  const timed: TimedCut[] = [];
  await runLong(network, sides.device);
  for (const cut of cuts) {
    timed.push({
      cut,
      head: await timeHead(network, cut, sides.device),
      tail: await timeTail(network, cut, sides.edge),
    });
  }
  const prefixes = timed.filter(({ cut }) => isPrefix(cut));
  const cutAt = (index: number, of: readonly TimedCut[]): CutDescription => {
    const found = of[index];
    if (found === undefined) throw new Error(`there is no cut ${index}`);
    return found.cut;
  };
  const heads = await inOrder(
    prefixes.map(({ head }) => head),
    (index) => timeHead(network, cutAt(index, prefixes), sides.device),
    ROUNDS,
  );
  const backwards = prefixes.toReversed();
  const tails = await inOrder(
    backwards.map(({ tail }) => tail),
    (index) => timeTail(network, cutAt(index, backwards), sides.edge),
    ROUNDS,
  );
  return timed.map((one) => {
    const index = prefixes.indexOf(one);
    if (index < 0) return one;
    return { ...one, head: heads[index] ?? one.head, tail: tails[prefixes.length - 1 - index] ?? one.tail };
  });
}

/** Whether the head is the first nodes of the stored order. */
export function isPrefix({ head }: CutDescription): boolean {
  for (let node = 0; node < head.size; node++) if (!head.has(node)) return false;
  return true;
}

/** So that no kernel has its slow first runs in a head that is timed. */
async function runLong(network: PreparedNetwork, device: OrtDevice): Promise<void> {
  const local = network.cuts.at(-1);
  if (local !== undefined) await timeHead(network, local, device);
}

async function timeHead(network: PreparedNetwork, cut: CutDescription, device: OrtDevice): Promise<Timing> {
  const { head } = network.partsOf(cut);
  if (head === undefined) return NOTHING;
  const inputs = network.analysis.inputs.map(({ name }) => name);
  return timingOf(await device.time(head, network.feedsOf(inputs), HEAD), HEAD.warmUp);
}

async function timeTail(network: PreparedNetwork, cut: CutDescription, edge: OrtDevice): Promise<Timing> {
  const { tail } = network.partsOf(cut);
  if (tail === undefined) return NOTHING;
  const feeds = network.feedsOf(cut.crossing);
  const timing = timingOf(await edge.time(tail, feeds, TAIL), TAIL.warmUp);
  return timing.ms >= QUICK_MS ? timing : timingOf(await edge.time(tail, feeds, QUICK_TAIL), QUICK_TAIL.warmUp);
}
