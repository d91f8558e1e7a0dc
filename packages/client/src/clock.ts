/** Time as this package sees it, so that tests can be its master. */
export interface Clock {
  /** Monotonic ms. */
  now(): number;
  /** Calls back after `delayMs`; returns the cancellation. */
  after(delayMs: number, callback: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
