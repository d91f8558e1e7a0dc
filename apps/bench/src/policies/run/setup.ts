import type { LoadLaw } from '../edge/load-law.js';
import type { NetworkProfile } from '../profile-file.js';
import type { DeviceClass, EdgeClass } from '../protocol.js';
import type { LinkSpec } from './links.js';

/** Load protocol (and in it ours with each signal taken away), cells of one link and one load, steps, many clients of one edge, and the wall clock of a decision. */
export const PARTS = ['headline', 'ablations', 'grid', 'reaction', 'clients', 'timing'] as const;
export type Part = (typeof PARTS)[number];

/** What one call of the bench runs: the protocol, as far as the command line chose of it. Plain data. */
export interface Setup {
  readonly parts: readonly Part[];
  /** Of all networks, since the background runs all of them. */
  readonly profiles: readonly NetworkProfile[];
  /** Those that are run, as indexes of `profiles`. */
  readonly networks: readonly number[];
  readonly device: DeviceClass;
  readonly edge: EdgeClass;
  readonly seeds: readonly number[];
  /** How long each level of the load protocol is held. */
  readonly stepMs: number;
  readonly futures: number;
  /** Of all arms, so many of the fastest are tried as the fixed one. */
  readonly fixedArms: number;
  readonly grid: GridSetup;
  readonly clients: ClientsSetup;
  readonly reaction: ReactionSetup;
}

/** Cells of one link and one load each. */
export interface GridSetup {
  readonly links: readonly LinkSpec[];
  readonly loads: readonly LoadLaw[];
  readonly seeds: readonly number[];
  readonly cellMs: number;
}

export interface ClientsSetup {
  readonly count: number;
  readonly durationMs: number;
  readonly seeds: readonly number[];
}

export interface ReactionSetup {
  readonly seeds: readonly number[];
  readonly holdMs: number;
}
