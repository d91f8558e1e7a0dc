import { FixedCostEstimator } from './estimators/fixed-cost.js';
import { DEFAULT_DOWNLINK_BYTES_PER_MS, DEFAULT_UPLINK_BYTES_PER_MS, LinkEstimator } from './estimators/link.js';

/** All that is known of the path to one edge. Sessions to the same edge share one. */
export class LinkState {
  connected = false;
  readonly uplink = new LinkEstimator(DEFAULT_UPLINK_BYTES_PER_MS);
  readonly downlink = new LinkEstimator(DEFAULT_DOWNLINK_BYTES_PER_MS);
  readonly fixed = new FixedCostEstimator();
}
