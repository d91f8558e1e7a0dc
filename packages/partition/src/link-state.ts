import type { Estimate } from './conditions.js';
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
  /** What the uplink was when the downlink was measured last. */
  #uplinkThen: number | undefined;

  observe(direction: 'up' | 'down', sample: TransferSample, atMs: number): void {
    const roundTripMs = this.fixed.leastMs ?? 0;
    (direction === 'up' ? this.uplink : this.downlink).observe(sample, atMs, roundTripMs);
    if (direction === 'down') this.#uplinkThen = this.uplink.measuredRate;
    if (direction === 'up') {
      // What fits in the first window, such as a probe, does not open it.
      if (sample.numBytes > INITIAL_WINDOW_BYTES) this.#lastUpAtMs = atMs - (sample.agoMs ?? 0);
      this.budget.sent(sample.numBytes, atMs);
    }
  }

  /**
   * The downlink, which probes do not measure. Both directions of an access link mostly become better together, so an
   * estimate that is older than the uplink's is taken to have risen as much as that has since.
   */
  downlinkEstimate(nowMs: number): Estimate {
    const down = this.downlink.estimate(nowMs);
    const up = this.uplink.estimate(nowMs);
    if (!Number.isFinite(down.ageMs) || down.ageMs <= up.ageMs || this.#uplinkThen === undefined) return down;
    const rise = Math.max(1, up.value / this.#uplinkThen);
    const value = Math.max(down.value, Math.min(down.value * rise, this.downlink.hopedRate(nowMs)));
    return { ...down, value, uncertainty: Math.min(value, (down.uncertainty * value) / down.value) };
  }

  /** Round trip that slow start pays if a transfer begins now; 0 while the sending window is open. */
  slowStartMs(nowMs: number): number {
    const roundTripMs = this.fixed.leastMs;
    if (roundTripMs === undefined || !this.uplink.slowStarts) return 0;
    return restartsAfter(Math.max(0, nowMs - this.#lastUpAtMs), roundTripMs) ? roundTripMs : 0;
  }
}
