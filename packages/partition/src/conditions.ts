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

/**
 * What inferences of this page that are under way still need of what a new one needs as well, by what was predicted for
 * them, in ms.
 */
export interface Ahead {
  /** Of the worker that runs heads, which encodes what they give as well. */
  readonly headMs: number;
  /** Of the worker that compresses pictures. */
  readonly pictureMs: number;
  /** Until a worker of the edge has no tail of this page to run. */
  readonly tailMs: number;
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
  /** ms of work that others announced and have not sent yet: it goes before this client's when it comes in time. */
  readonly announcedMs: number;
  /** Share of its time that a worker of the edge spends on the tails of others. */
  readonly busy: number;
  /** ms until a worker is free, in the mean of all moments, when nothing waits: the rest of the tail that runs. */
  readonly residualMs: number;
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
  /** Absent where nothing of this page is under way. */
  readonly ahead?: Ahead | undefined;
}
