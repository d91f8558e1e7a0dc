import type { Cut, CutTable } from '@cutpoint/client';
import { type Section, sectionsOf } from './sections.js';

/** One block of the ribbon: the nodes between two neighbouring cuts that the page shows as borders. */
export interface Stage {
  readonly from: Cut;
  readonly to: Cut;
  /** Left and right edge on the ribbon, 0..1. */
  readonly left: number;
  readonly right: number;
  /** The kinds of its nodes, most frequent first: `4 Conv, 3 Relu`. */
  readonly kinds: string;
  /** Share of the network's floating-point operations. */
  readonly share: number;
}

export interface Ribbon {
  readonly stages: readonly Stage[];
  /** The same network in the few parts that a person recognises. */
  readonly sections: readonly Section[];
  /** Every cut that can be chosen, from full offload to local. */
  readonly cuts: readonly Cut[];
  /** Where a cut lies on the ribbon, 0..1. */
  position(cut: Cut): number;
  /** The listed cut whose place is nearest. */
  nearest(position: number): Cut;
  /** The listed cut with the id, or the one nearest to it. */
  byId(id: number): Cut;
  /** The section that a cut ends or divides. */
  sectionAt(cut: Cut): Section | undefined;
}

const MAX_STAGES = 32;
/** A block narrower than this cannot be seen. */
const MIN_SHARE = 0.01;

/**
 * Groups the nodes of a network into its sections, and these into blocks of about equal compute, some {@link MAX_STAGES}
 * in all. Where several borders are near, the one where the fewest bytes cross is taken, since that is where cuts are made.
 */
export function layRibbon(table: CutTable, maxStages = MAX_STAGES): Ribbon {
  const cuts = [...table.cuts].sort((a, b) => a.headNodes - b.headNodes || a.id - b.id);
  const listed = cuts.filter((cut) => cut.id === cut.headNodes);
  const prefixes = listed.length >= 2 ? listed : cuts;
  const sections = sectionsOf(table, prefixes);
  const borders = [...new Set([...chooseBorders(prefixes, maxStages), ...sections.map(({ to }) => to)])].sort(
    (a, b) => a.headNodes - b.headNodes,
  );
  const stages = place(table, borders);

  const position = (cut: Cut): number => {
    const stage = stages.find(({ to }) => cut.headNodes <= to.headNodes);
    if (stage === undefined) return 1;
    const span = stage.to.headNodes - stage.from.headNodes;
    const within = span === 0 ? 1 : Math.max(0, (cut.headNodes - stage.from.headNodes) / span);
    return stage.left + (stage.right - stage.left) * within;
  };
  const closest = (distance: (cut: Cut) => number): Cut => {
    const [first, ...others] = cuts;
    if (first === undefined) throw new RangeError(`The table of ${table.model} lists no cut.`);
    return others.reduce((best, cut) => (distance(cut) < distance(best) ? cut : best), first);
  };
  return {
    stages,
    sections,
    cuts,
    position,
    nearest: (at) => closest((cut) => Math.abs(position(cut) - at)),
    byId: (id) => closest((cut) => Math.abs(cut.id - id)),
    sectionAt: (cut) => sections.find(({ to }) => cut.headNodes <= to.headNodes),
  };
}

function chooseBorders(cuts: readonly Cut[], maxStages: number): Cut[] {
  const first = cuts[0];
  const last = cuts.at(-1);
  if (first === undefined || last === undefined) return [];
  const work = (cut: Cut): number => (last.headFlops > 0 ? cut.headFlops / last.headFlops : cut.id / last.id);
  const between = cuts.slice(1, -1);
  const borders = new Set<Cut>([first, last]);
  for (let step = 1; step < maxStages; step++) {
    const near = between.filter((cut) => Math.abs(work(cut) * maxStages - step) <= 0.5);
    const narrowest = near.reduce<Cut | undefined>(
      (best, cut) => (best === undefined || cut.bytesUp <= best.bytesUp ? cut : best),
      undefined,
    );
    if (narrowest !== undefined) borders.add(narrowest);
  }
  return [...borders];
}

function place(table: CutTable, borders: readonly Cut[]): Stage[] {
  const total = borders.at(-1)?.headFlops ?? 0;
  const blocks = borders.slice(1).map((to, index) => {
    const from = borders[index] ?? to;
    const share = total > 0 ? (to.headFlops - from.headFlops) / total : 1 / (borders.length - 1);
    return { from, to, share, width: Math.max(MIN_SHARE, share) };
  });
  const sum = blocks.reduce((width, block) => width + block.width, 0);
  let at = 0;
  return blocks.map(({ from, to, share, width }) => {
    const left = at;
    at += width / sum;
    return { from, to, share, left, right: at, kinds: kindsBetween(table, from.headNodes, to.headNodes) };
  });
}

function kindsBetween(table: CutTable, from: number, to: number): string {
  const counts = new Map<string, number>();
  for (const { opType } of table.nodes.slice(from, to)) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ');
}
