import { SIGNALS } from '@cutpoint/partition';
import { HEADLINE_LINK, LOADS } from '../protocol.js';
import { type ArmSet, idleMs, World } from './cell.js';
import type { Contestant } from './contestant.js';
import { linkOf } from './links.js';
import type { Setup } from './setup.js';
import { simulate } from './simulate.js';
import { meanLatency, type RunSummary, summarise } from './summary.js';

/** Raw tensors: what LoADPart has, and what the papers' policies use. */
export const SAME_ARMS: readonly Contestant[] = [
  { kind: 'policy', policy: 'local' },
  { kind: 'policy', policy: 'offload' },
  { kind: 'policy', policy: 'neurosurgeon' },
  { kind: 'policy', policy: 'loadpart' },
  { kind: 'policy', policy: 'dads' },
  { kind: 'policy', policy: 'ans' },
  { kind: 'policy', policy: 'cutpoint' },
  { kind: 'informed' },
  { kind: 'clairvoyant' },
];

/** With codecs, what can use them. The others are the same as over {@link SAME_ARMS}. */
export const ALL_ARMS: readonly Contestant[] = [
  { kind: 'policy', policy: 'offload-compressed' },
  { kind: 'policy', policy: 'cutpoint' },
  { kind: 'informed' },
  { kind: 'clairvoyant' },
];

/** Ours with each signal taken away: what is it worth? */
export const ABLATIONS: readonly Contestant[] = SIGNALS.map((signal) => ({
  kind: 'policy',
  policy: 'cutpoint',
  without: [signal],
}));

export interface HeadlineResult {
  readonly same: readonly RunSummary[];
  readonly all: readonly RunSummary[];
  /** The arm that would have had the lowest mean, had it been used throughout; in hindsight. */
  readonly bestFixed: Readonly<Record<ArmSet, RunSummary>>;
}

/** The load protocol up and down again, on the headline's link, for one network and one seed. */
export function headline(setup: Setup, network: number, seed: number): HeadlineResult {
  const world = new World(
    {
      network,
      link: linkOf({ kind: 'constant', ...HEADLINE_LINK }, seed),
      loads: upAndDown(LOADS),
      stepMs: setup.stepMs,
      device: setup.device,
      edge: setup.edge,
      seed,
    },
    setup.profiles,
  );
  const run = (contestant: Contestant, armSet: ArmSet, judged = true) =>
    summarise(simulate(world, contestant, { armSet, judged, futures: setup.futures }), world, armSet);
  const same = SAME_ARMS.map((contestant) => run(contestant, 'same'));
  const ablations = setup.parts.includes('ablations') ? ABLATIONS : [];
  const all = [...ALL_ARMS, ...ablations].map((contestant) => run(contestant, 'all'));
  const bestFixed = (set: ArmSet) =>
    fixedArms(world, set, setup.fixedArms)
      .map((arm) => run({ kind: 'fixed', arm }, set, false))
      .reduce((best, candidate) => (meanLatency(candidate) < meanLatency(best) ? candidate : best));
  return { same, all, bestFixed: { same: bestFixed('same'), all: bestFixed('all') } };
}

/**
 * Arms that are tried as the fixed one: every arm of `same`; of `all` those that run locally and the fastest with an idle
 * edge. An arm that is slow there and yet the best in the mean over all levels of load would be missed.
 */
export function fixedArms(world: World, set: ArmSet, tried: number): number[] {
  const truth = world.truth(set);
  if (set === 'same') return truth.arms.map((_, arm) => arm);
  const byIdleMs = [...idleMs(truth, world.cell.link).entries()].sort(([, a], [, b]) => a - b).map(([arm]) => arm);
  const local = byIdleMs.filter((arm) => truth.usesEdge[arm] !== true);
  return [...new Set([...local, ...byIdleMs.slice(0, tried)])];
}

export function upAndDown<T>(levels: readonly T[]): T[] {
  return [...levels, ...levels.toReversed().slice(1)];
}
