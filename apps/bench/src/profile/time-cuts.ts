import type { CutDescription } from '@cutpoint/onnx';
import type { OrtDevice } from '../ort/device.js';
import { inOrder } from './monotony.js';
import type { PreparedNetwork } from './prepared-network.js';
import { quicker, type Timing, timingOf } from './timing.js';

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

/** WASM kernels get fast after some 15 runs, and stay so in later sessions of the same page. */
const KERNELS = { runs: 20, budgetMs: 5_000 };
const HEAD = { warmUp: 3, runs: 14, budgetMs: 1_000 };
const TAIL = { warmUp: 1, runs: 8 };
/** Tails that take less are run more often, being noisier. */
const QUICK_MS = 20;
const QUICK_TAIL = { warmUp: 5, runs: 40 };

/** All cuts are timed once before any is timed again: other work on a machine comes and goes in seconds to minutes. */
const PASSES = 3;
const LEAST_PASSES = 2;
/** No further pass is begun after it. */
const BUDGET_MS = 75_000;
/** How often what is then still out of order is timed once more. */
const ROUNDS = 2;

/**
 * Times some cuts of a network in several passes and keeps the quickest of each; again where a head is slower than a larger
 * one, or a tail slower than one that holds it.
 */
export async function timeCuts(
  network: PreparedNetwork,
  cuts: readonly CutDescription[],
  { device, edge }: Sides,
): Promise<TimedCut[]> {
  await warmKernels(network, device);
  const ofHead = (cut: CutDescription): Promise<Timing> => timeHead(network, cut, device);
  const ofTail = (cut: CutDescription): Promise<Timing> => timeTail(network, cut, edge);
  const startedAtMs = performance.now();
  const heads = new Map<CutDescription, Timing>();
  const tails = new Map<CutDescription, Timing>();
  for (let pass = 0; pass < PASSES; pass++) {
    if (pass >= LEAST_PASSES && performance.now() - startedAtMs > BUDGET_MS) break;
    for (const cut of cuts) {
      keep(heads, cut, await ofHead(cut));
      keep(tails, cut, await ofTail(cut));
    }
  }
  const prefixes = cuts.filter(isPrefix);
  await inOrder(prefixes, heads, ofHead, ROUNDS);
  await inOrder(prefixes.toReversed(), tails, ofTail, ROUNDS);
  return cuts.map((cut) => ({ cut, head: heads.get(cut) ?? NOTHING, tail: tails.get(cut) ?? NOTHING }));
}

/** Whether the head is the first nodes of the stored order. */
export function isPrefix({ head }: CutDescription): boolean {
  for (let node = 0; node < head.size; node++) if (!head.has(node)) return false;
  return true;
}

function keep(timings: Map<CutDescription, Timing>, cut: CutDescription, timing: Timing): void {
  const known = timings.get(cut);
  timings.set(cut, known === undefined ? timing : quicker(known, timing));
}

async function warmKernels(network: PreparedNetwork, device: OrtDevice): Promise<void> {
  const local = network.cuts.at(-1);
  const { head } = local === undefined ? {} : network.partsOf(local);
  if (head !== undefined) await device.time(head, network.feedsOf(inputsOf(network)), KERNELS);
}

async function timeHead(network: PreparedNetwork, cut: CutDescription, device: OrtDevice): Promise<Timing> {
  const { head } = network.partsOf(cut);
  if (head === undefined) return NOTHING;
  return timingOf(await device.time(head, network.feedsOf(inputsOf(network)), HEAD), HEAD.warmUp);
}

async function timeTail(network: PreparedNetwork, cut: CutDescription, edge: OrtDevice): Promise<Timing> {
  const { tail } = network.partsOf(cut);
  if (tail === undefined) return NOTHING;
  const feeds = network.feedsOf(cut.crossing);
  const timing = timingOf(await edge.time(tail, feeds, TAIL), TAIL.warmUp);
  return timing.ms >= QUICK_MS ? timing : timingOf(await edge.time(tail, feeds, QUICK_TAIL), QUICK_TAIL.warmUp);
}

function inputsOf({ analysis }: PreparedNetwork): readonly string[] {
  return analysis.inputs.map(({ name }) => name);
}
