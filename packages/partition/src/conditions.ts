/** One estimated quantity with what is known of its quality at the moment of a decision. */
export interface Estimate {
  readonly value: number;
  /** ms since the last observation that moved it; `Infinity` when it is a default that nobody measured. */
  readonly ageMs: number;
  /** Enough was observed, recently enough, to be trusted. */
  readonly confident: boolean;
}

/** What is known of link, edge and device when a decision is made. */
export interface Conditions {
  /** Whether the edge can be reached at all. */
  readonly connected: boolean;
  /** Bytes per ms. */
  readonly uplink: Estimate;
  readonly downlink: Estimate;
  /** Fixed cost of one transfer (round trip and framing), in ms. */
  readonly fixedMs: Estimate;
  /** Queue delay q at the edge, in ms. */
  readonly queueMs: Estimate;
  /** Load factor k of this model at the edge. */
  readonly k: Estimate;
  /** Device factor d: head time here ÷ profiled head time. */
  readonly d: Estimate;
}
