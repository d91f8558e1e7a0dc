import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';

/** Predicted terms of one arm, in ms; they sum to `totalMs`. */
export interface Terms {
  readonly headMs: number;
  /** Round trip and framing. */
  readonly fixedMs: number;
  readonly uploadMs: number;
  readonly queueMs: number;
  readonly tailMs: number;
  readonly downloadMs: number;
}

/** Why an arm was not chosen. `slower` is the ordinary case; every other one says that it could not be. */
export type Rejection = 'slower' | 'not-ready' | 'disconnected' | 'outside-policy' | 'not-forced' | 'margin';

export interface Candidate {
  readonly arm: Arm;
  readonly terms: Terms;
  readonly totalMs: number;
  /** `undefined` for the chosen one. */
  readonly rejected?: Rejection;
}

/** The arm chosen for one inference, with the whole record of why. */
export interface Plan {
  readonly policy: string;
  readonly decidedAtMs: number;
  readonly chosen: Candidate;
  /** The best of the others that could have been run, if any. */
  readonly runnerUp?: Candidate;
  /** The arm that the policy would choose if it were ready; the client prepares it in the background. */
  readonly wish: Candidate;
  /** Every arm, in the order in which they were given, the chosen one included. */
  readonly candidates: readonly Candidate[];
  readonly conditions: Conditions;
  /** The decisive cause in one machine-readable word, for example `forced`, `uplink-fell`, `edge-busy`, `first`. */
  readonly cause: string;
}
