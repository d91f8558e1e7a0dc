import { round } from '../statistics.js';
import type { RequestRecord } from './load/order.js';

/** What an edge may say of a request that was right, because of how much it has to do or of what changes meanwhile. */
const REFUSALS: ReadonlySet<string> = new Set([
  'overloaded',
  'too_many_in_flight',
  'deadline_exceeded',
  'stale_manifest',
  'model_not_ready',
]);

/** What became of requests, each counted once. */
export interface SoakTally {
  readonly requests: number;
  readonly ok: number;
  readonly refused: number;
  /** Answered with any other error: a failure of the edge, or something wrong that nobody sent. */
  readonly errored: number;
  /** Their client did. */
  readonly vanished: number;
  readonly lost: number;
  /** Of those whose client waited for an answer; `null` when there was none. */
  readonly okPct: number | null;
}

export function tallyOf(records: readonly Pick<RequestRecord, 'outcome'>[]): SoakTally {
  const count = (is: (outcome: string) => boolean) => records.filter(({ outcome }) => is(outcome)).length;
  const requests = records.length;
  const ok = count((outcome) => outcome === 'ok');
  const vanished = count((outcome) => outcome === 'vanished');
  const lost = count((outcome) => outcome === 'lost');
  const refused = count((outcome) => REFUSALS.has(outcome));
  const waited = requests - vanished;
  const okPct = waited === 0 ? null : round((ok / waited) * 100, 1);
  return { requests, ok, refused, errored: waited - ok - refused - lost, vanished, lost, okPct };
}
