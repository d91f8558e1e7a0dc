import { World } from './cell.js';
import type { Contestant } from './contestant.js';
import { linkOf } from './links.js';
import type { Setup } from './setup.js';
import { simulate } from './simulate.js';
import { meanLatency, summarise } from './summary.js';

/** Who runs in every cell: ours, and what it must not lose to. */
export const GRID_CONTESTANTS: readonly Contestant[] = [
  { kind: 'policy', policy: 'local' },
  { kind: 'policy', policy: 'offload-compressed' },
  { kind: 'policy', policy: 'neurosurgeon' },
  { kind: 'policy', policy: 'loadpart' },
  { kind: 'policy', policy: 'cutpoint' },
  { kind: 'informed' },
];

/** One cell: network × link × load, in the mean over its seeds. */
export interface GridCell {
  readonly network: string;
  readonly link: string;
  readonly load: string;
  /** Mean latency by contestant, in ms; the same by seed. */
  readonly meanMs: Readonly<Record<string, number>>;
  readonly bySeed: readonly Readonly<Record<string, number>>[];
  /** The informed oracle's most frequent arm, and ours, as the share of the network's work in the head, 0..1. */
  readonly cutShare: number;
  readonly oracleCutShare: number;
}

export function gridCell(setup: Setup, network: number, link: number, load: number): GridCell {
  const { links, loads, seeds, cellMs } = setup.grid;
  const spec = links[link];
  const law = loads[load];
  if (spec === undefined || law === undefined) throw new RangeError(`no link ${link} or no load ${load}`);
  let linkName = '';
  let cutShare = 0;
  let oracleCutShare = 0;
  const bySeed = seeds.map((seed) => {
    const realLink = linkOf(spec, seed);
    linkName = realLink.name;
    const cell = { network, link: realLink, loads: [law], stepMs: cellMs, seed } as const;
    const world = new World({ ...cell, device: setup.device, edge: setup.edge }, setup.profiles);
    const truth = world.truth('all');
    const wholeMs = Math.max(...truth.arms.map(({ headMs }) => headMs));
    const means: Record<string, number> = {};
    for (const contestant of GRID_CONTESTANTS) {
      const log = simulate(world, contestant, { armSet: 'all', judged: false, futures: setup.futures });
      const summary = summarise(log, world, 'all');
      means[summary.contestant] = meanLatency(summary);
      const share = (truth.arms[mostFrequent(summary.arm)]?.headMs ?? 0) / wholeMs / seeds.length;
      if (summary.contestant === 'cutpoint') cutShare += share;
      if (summary.contestant === 'informed') oracleCutShare += share;
    }
    return means;
  });
  const names = Object.keys(bySeed[0] ?? {});
  const mean = (name: string) => bySeed.reduce((sum, means) => sum + (means[name] ?? 0), 0) / bySeed.length;
  return {
    network: setup.profiles[network]?.network ?? '',
    link: linkName,
    load: law.name,
    meanMs: Object.fromEntries(names.map((name) => [name, mean(name)])),
    bySeed,
    cutShare,
    oracleCutShare,
  };
}

function mostFrequent(values: Uint16Array): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), [0, 0])[0];
}
