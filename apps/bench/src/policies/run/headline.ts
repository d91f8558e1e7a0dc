import { SIGNALS } from '@cutpoint/partition';
import { HEADLINE_LINK, LOADS } from '../protocol.js';
import { type ArmSet, World } from './cell.js';
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
      device: 'small-board',
      edge: 'gpu-scaled',
      seed,
    },
    setup.profiles,
  );
  const run = (contestant: Contestant, armSet: ArmSet, judged = true) =>
    summarise(simulate(world, contestant, { armSet, judged, futures: setup.futures }), world, armSet);
  const same = SAME_ARMS.map((contestant) => run(contestant, 'same'));
  const ablations = setup.parts.includes('ablations') ? ABLATIONS : [];
  const all = [...ALL_ARMS, ...ablations].map((contestant) => run(contestant, 'all'));
  const bestFixed = (set: ArmSet, runs: readonly RunSummary[]) =>
    // Only arms that were best for somebody at some time can be the best in the mean.
    [...new Set(runs.flatMap(({ arm }) => [...arm]))]
      .map((arm) => run({ kind: 'fixed', arm }, set, false))
      .reduce((best, candidate) => (meanLatency(candidate) < meanLatency(best) ? candidate : best));
  return { same, all, bestFixed: { same: bestFixed('same', same), all: bestFixed('all', all) } };
}

export function upAndDown<T>(levels: readonly T[]): T[] {
  return [...levels, ...levels.toReversed().slice(1)];
}
