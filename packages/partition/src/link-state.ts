import { FixedCostEstimator } from './estimators/fixed-cost.js';
import {
  DEFAULT_DOWNLINK_BYTES_PER_MS,
  DEFAULT_UPLINK_BYTES_PER_MS,
  LinkEstimator,
  restartsAfter,
  type TransferSample,
} from './estimators/link.js';
import { INITIAL_WINDOW_BYTES } from './slow-start.js';
import { UplinkBudget } from './uplink-budget.js';

/** All that is known of the path to one edge. Sessions to the same edge share one. */
export class LinkState {
  connected = false;
  readonly uplink = new LinkEstimator(DEFAULT_UPLINK_BYTES_PER_MS);
  readonly downlink = new LinkEstimator(DEFAULT_DOWNLINK_BYTES_PER_MS);
  readonly fixed = new FixedCostEstimator();
  /** What was sent, and what probes may send. */
  readonly budget = new UplinkBudget();
  #lastUpAtMs = Number.NEGATIVE_INFINITY;

  observe(direction: 'up' | 'down', sample: TransferSample, atMs: number): void {
    const roundTripMs = this.fixed.leastMs ?? 0;
    (direction === 'up' ? this.uplink : this.downlink).observe(sample, atMs, roundTripMs);
    if (direction === 'up') {
      // What fits in the first window, such as a probe, does not open it.
      if (sample.numBytes > INITIAL_WINDOW_BYTES) this.#lastUpAtMs = atMs;
      this.budget.sent(sample.numBytes, atMs);
    }
  }

  /** Round trip that slow start pays if a transfer begins now; 0 while the sending window is open. */
  slowStartMs(nowMs: number): number {
    const roundTripMs = this.fixed.leastMs;
    if (roundTripMs === undefined || !this.uplink.slowStarts) return 0;
    return restartsAfter(Math.max(0, nowMs - this.#lastUpAtMs), roundTripMs) ? roundTripMs : 0;
  }
}
