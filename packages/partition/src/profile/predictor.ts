import { LEAST_RELATIVE_MS } from './accuracy.js';
import { groupBy } from './group-by.js';
import { nonNegativeLeastSquares } from './nnls.js';

/** What a node is known by before it runs. */
export interface NodeWork {
  /** Nodes of one kind do the same thing in the same way: `Conv`, `DepthwiseConv`, `Relu`, … */
  readonly kind: string;
  /** A multiply-add counts as two. */
  readonly flops: number;
  /** Read (weights among them) and written. */
  readonly bytes: number;
}

/** One node, timed. */
export interface NodeSample extends NodeWork {
  readonly ms: number;
  /** The network that it is from: its other nodes resemble it, so they are never on both sides of a validation. */
  readonly group: string;
}

/** `ms = msPerFlop · flops + msPerByte · bytes + launchMs`, none of them negative. */
export interface KindPredictor {
  readonly msPerFlop: number;
  readonly msPerByte: number;
  readonly launchMs: number;
  /** How many nodes were behind it. */
  readonly numSamples: number;
}

/** How long nodes take on one machine. Plain data: goes through JSON as it is. */
export interface Predictors {
  /** Where the samples were taken, for people. */
  readonly machine: string;
  readonly kinds: Readonly<Record<string, KindPredictor>>;
  /** Over all samples that took any time, for kinds that were not among them. */
  readonly pooled: KindPredictor;
}

/** A kind with fewer samples is left to the pooled predictor: three coefficients would be drawn through them exactly. */
export const LEAST_SAMPLES_PER_KIND = 4;

/**
 * One linear predictor per kind of node by non-negative least squares: the way of Neurosurgeon (Kang et al., ASPLOS 2017,
 * section 4.2) and LoADPart (Liu et al., ICDCS 2022, section III). Rows are divided by their measured time, so the sum of
 * squared *relative* errors is minimised: LoADPart judges by mean absolute percentage error, and without the weights the
 * few largest nodes would decide alone.
 */
export function fitPredictors(samples: readonly NodeSample[], machine = ''): Predictors {
  const fitted = groupBy(samples, ({ kind }) => kind)
    .filter(([, own]) => own.length >= LEAST_SAMPLES_PER_KIND)
    .map(([kind, own]) => [kind, fitKind(own)] as const);
  return { machine, kinds: Object.fromEntries(fitted), pooled: fitKind(samples.filter(({ ms }) => ms > 0)) };
}

/** @returns ms, never negative */
export function predictMs({ kinds, pooled }: Predictors, { kind, flops, bytes }: NodeWork): number {
  const own = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  const { msPerFlop, msPerByte, launchMs } = own ?? pooled;
  return msPerFlop * flops + msPerByte * bytes + launchMs;
}

/** Nodes one after the other. */
export function predictTotalMs(predictors: Predictors, nodes: Iterable<NodeWork>): number {
  let totalMs = 0;
  for (const node of nodes) totalMs += predictMs(predictors, node);
  return totalMs;
}

function fitKind(samples: readonly NodeSample[]): KindPredictor {
  const weights = samples.map(({ ms }) => 1 / Math.max(ms, LEAST_RELATIVE_MS));
  const weighted = (value: number, index: number): number => value * (weights[index] ?? 0);
  const rows = samples.map(({ flops, bytes }, index) => [flops, bytes, 1].map((value) => weighted(value, index)));
  const targets = samples.map(({ ms }, index) => weighted(ms, index));
  const [msPerFlop = 0, msPerByte = 0, launchMs = 0] = nonNegativeLeastSquares(rows, targets);
  return { msPerFlop, msPerByte, launchMs, numSamples: samples.length };
}
