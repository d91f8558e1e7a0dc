import type { NodeSample, TimedHead } from '@cutpoint/partition';
import type { OrtDevice } from '../ort/device.js';
import { attributeTimes } from './attribute.js';
import type { Subject } from './subject.js';

/** Kernel times at each level of optimisation at which they could be taken. */
export const LEVELS = ['all', 'basic'] as const;
export type Level = (typeof LEVELS)[number];

/** One network on one device. */
export interface Measured {
  readonly samples: Readonly<Record<Level, readonly NodeSample[]>>;
  readonly heads: readonly MeasuredHead[];
}

export interface MeasuredHead extends TimedHead {
  readonly cut: number;
  readonly flops: number;
}

/** WASM kernels get fast after some ten runs; large networks have their budget instead. */
const RUNS = 24;
const BUDGET_MS = 1500;

/** Profiles the whole network at each level, and times heads as they are served, at `all`. Fastest of the runs each. */
export async function measure(device: OrtDevice, subject: Subject): Promise<Measured> {
  const { name, nodes, whole, feeds } = subject;
  const profiled = async (level: Level): Promise<readonly NodeSample[]> => {
    const events = await device.profile(whole, feeds, { level, runs: RUNS, budgetMs: BUDGET_MS });
    const times = attributeTimes(nodes, events);
    return nodes.map(({ kind, flops, bytes }, index) => ({ kind, flops, bytes, ms: times[index] ?? 0, group: name }));
  };
  const samples = { all: await profiled('all'), basic: await profiled('basic') };
  const heads: MeasuredHead[] = [];
  for (const { cut, numNodes, flops, graph } of subject.heads) {
    const times = await device.time(graph(), feeds, { runs: RUNS, budgetMs: BUDGET_MS });
    const inHead = nodes.slice(0, numNodes).map(({ kind, flops, bytes }) => ({ kind, flops, bytes }));
    heads.push({ group: name, cut, flops, nodes: inHead, ms: Math.min(...times) });
  }
  return { samples, heads };
}
