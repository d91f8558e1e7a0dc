import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
/** Long enough that a 99th percentile is more than the one worst of its samples. */
const WINDOW_MS = 5_000;
const NS_PER_MS = 1e6;

/** How late this process comes to what it is asked for: tails do not block its thread, but what goes with them might. */
export class EventLoopMonitor {
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #timer: NodeJS.Timeout;
  #p99Ms: number | undefined;

  constructor(windowMs = WINDOW_MS) {
    this.#delays.enable();
    this.#timer = setInterval(() => this.#read(), windowMs).unref();
  }

  /** 99 % of timers were at most so much late in the last window; `undefined` before the first one is over. */
  get p99Ms(): number | undefined {
    return this.#p99Ms;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#delays.disable();
  }

  #read(): void {
    // What is recorded is the time between two timers, their interval included.
    this.#p99Ms = Math.max(0, this.#delays.percentile(99) / NS_PER_MS - RESOLUTION_MS);
    this.#delays.reset();
  }
}
