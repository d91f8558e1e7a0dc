import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';

/**
 * Predicted terms of one arm, in ms; they sum to `totalMs`. A local arm has only its `waitMs` and `headMs`, and the page's own
 * overhead in `fixedMs`.
 */
export interface Terms {
  /** Until the worker of the page that it needs first has done what other inferences asked of it. */
  readonly waitMs: number;
  readonly headMs: number;
  readonly encodeMs: number;
  /** Round trip and framing, and what the page itself takes beside everything else. */
  readonly fixedMs: number;
  readonly uploadMs: number;
  /** Queue delay left at the moment at which the request would arrive. */
  readonly queueMs: number;
  readonly tailMs: number;
  readonly decodeMs: number;
  readonly downloadMs: number;
}

/**
 * The decisive cause of a plan, in one machine-readable word.
 * - `first`: nothing was decided before. `steady`: the same arm as before.
 * - `forced`: a person or the application chose. `forced-unavailable`: they did, but that arm cannot run now.
 * - `released`: a forced cut was given back. `policy`: another policy decides.
 * - `ready`: the arm that was wished for became ready. `not-ready`: the arm in use is no longer ready.
 * - `disconnected`, `reconnected`: the edge went away or came back. `edge-failed`: it failed this very inference.
 * - `link-measured`, `device-measured`: a figure that was a mere default is now a measured one.
 * - `uplink-…`, `downlink-…`, `latency-…` (the fixed cost), `edge-…` (q or k), `device-…` (d), `page-…` (what its other
 *   inferences still need): the condition that moved and made the difference.
 * - `corrected`: real runs of single arms corrected their prediction.
 * - `exploring`: an arm that never ran is tried for this one inference, within the budget for that.
 */
export type Cause =
  | 'first'
  | 'steady'
  | 'forced'
  | 'forced-unavailable'
  | 'released'
  | 'policy'
  | 'ready'
  | 'not-ready'
  | 'disconnected'
  | 'edge-failed'
  | 'reconnected'
  | 'link-measured'
  | 'device-measured'
  | 'uplink-fell'
  | 'uplink-rose'
  | 'downlink-fell'
  | 'downlink-rose'
  | 'latency-rose'
  | 'latency-fell'
  | 'edge-busy'
  | 'edge-idle'
  | 'device-slower'
  | 'device-faster'
  | 'page-busy'
  | 'page-idle'
  | 'corrected'
  | 'exploring';

/**
 * Why an arm was not chosen. `slower`, by the policy's own reckoning, is the ordinary case. `margin`: faster, but not
 * by enough, or not for long enough, to switch. `unmeasured`: nothing is known yet, so everything goes to the edge.
 * `constraint`: the application excludes it. `uplink-budget`: it sends more than is left of the uplink that the
 * application allows. `deadline`: faster in the mean, but too likely to be late. `exploring`: faster, but another one
 * is tried.
 */
export type Rejection =
  | 'slower'
  | 'unmeasured'
  | 'not-ready'
  | 'disconnected'
  | 'edge-failed'
  | 'outside-policy'
  | 'not-forced'
  | 'margin'
  | 'constraint'
  | 'uplink-budget'
  | 'deadline'
  | 'exploring';

/** One arm as a decision saw it. */
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
  readonly runnerUp: Candidate | undefined;
  /** The arm that the policy would choose if it were ready; the client prepares it in the background. */
  readonly wish: Candidate;
  /** Every arm, in the order in which they were given, the chosen one included. Written when first read. */
  readonly candidates: readonly Candidate[];
  readonly conditions: Conditions;
  readonly cause: Cause;
}
