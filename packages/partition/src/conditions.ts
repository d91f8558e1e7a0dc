/** One estimated quantity with what is known of its quality at the moment of a decision. */
export interface Estimate {
  readonly value: number;
  /** ms since the last observation that moved it; `Infinity` when it is a default that nobody measured. */
  readonly ageMs: number;
  /** Enough was observed, recently enough, to be trusted. */
  readonly confident: boolean;
  /** Expected error, one standard deviation, in the unit of `value`; grows with age. */
  readonly uncertainty: number;
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
  /**
   * Round trip that TCP's slow start pays for a transfer larger than its first windows, in ms; 0 while the sending
   * window is open, because something was sent just now.
   */
  readonly slowStartMs: number;
  /** Queue delay q at the edge, in ms, as a request that arrived now would find it. */
  readonly queueMs: Estimate;
  /** Queue delay in the mean of the last seconds, in ms: what q goes back to. */
  readonly usualQueueMs: number;
  /** ms of work that arrive at the edge per ms and worker: at 0 its queue drains by 1 ms a ms, at 1 it stays. */
  readonly arrivalRate: number;
  /** Load factor k of this model at the edge. */
  readonly k: Estimate;
  /** (Waiting + run) ÷ profiled time of recent tails: the load factor of a server that does not tell the two apart. */
  readonly kWithQueue: Estimate;
  /** 0..1; `null` where the edge reports none. */
  readonly gpuUtilisation: number | null;
  /** Device factor d: head time here ÷ profiled head time. */
  readonly d: Estimate;
  /** What an inference takes in the page beside its stages: messages to the worker and back, timers. In ms. */
  readonly overheadMs: Estimate;
}
