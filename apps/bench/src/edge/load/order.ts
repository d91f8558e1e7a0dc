/** What one client of the edge does. */
export interface ClientOrder {
  /** Requests a second, arriving at random (Poisson) whatever became of the earlier ones, */
  readonly ratePerSecond?: number;
  /** or so many always unanswered. */
  readonly inFlight?: number;
  readonly deadlineMs?: number;
  /** Number of the client whose connection it is; its own index when left out. Edges that trust this machine as a proxy tell them apart. */
  readonly identity?: number;
  /** Mean time after which it vanishes in the middle of a payload, and another takes its place; never when left out. */
  readonly vanishesAfterMs?: number;
}

/** What a load process is told. */
export interface LoadOrder {
  readonly edgeUrl: string;
  /** Of {@link ServedTail.model}; each request is drawn from them. */
  readonly models: readonly string[];
  readonly clients: readonly ClientOrder[];
  readonly durationMs: number;
  readonly seed: number;
}

/** One request; times in ms by the load process's clock. */
export interface RequestRecord {
  /** Index of {@link LoadOrder.clients}. */
  readonly client: number;
  readonly sentAtMs: number;
  /** Of the answer; without one when it never came. */
  readonly tookMs?: number;
  /** `ok`, the protocol's code of a refusal, `lost` when nothing came, `vanished` when its client did. */
  readonly outcome: string;
  /** Of one that was not served: what its own process waited for a core meanwhile. */
  readonly clientWaitedMs?: number;
  /** Of one that was served: in its worker thread, */
  readonly serviceMs?: number;
  /** and from the moment at which that was its own to the answer's, the way there and back included. */
  readonly occupiedMs?: number;
}
