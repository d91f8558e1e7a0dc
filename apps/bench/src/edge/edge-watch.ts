import { largest, round } from '../statistics.js';
import { type ThreadTimes, threadTimes } from './thread-times.js';

const EVERY_MS = 1_000;

interface Sample {
  readonly atMs: number;
  readonly residentBytes: number;
  /** Absent until the edge has watched for a while. */
  readonly eventLoopDelayMs: number | undefined;
}

/** Looks at an edge once a second while it is under load. */
export class EdgeWatch implements Disposable {
  readonly samples: Sample[] = [];
  readonly #edge: { readonly url: string; readonly pid: number };
  readonly #before: ThreadTimes | undefined;
  readonly #startedAtMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(edge: { readonly url: string; readonly pid: number }) {
    this.#edge = edge;
    this.#before = threadTimes(edge.pid);
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
  }

  /** The worst 99th percentile of a window of some seconds; `null` when the edge was never seen, or before its first window. */
  get eventLoopP99Ms(): number | null {
    return largest(this.samples.flatMap(({ eventLoopDelayMs }) => eventLoopDelayMs ?? []));
  }

  get mostResidentBytes(): number | null {
    return largest(this.samples.map(({ residentBytes }) => residentBytes));
  }

  /**
   * Of the time watched until now, in what share the edge's own thread ran, and in what share it waited for a core; `null` where the
   * system does not say.
   */
  get edgeThread(): { readonly ranPct: number; readonly waitedPct: number } | null {
    const now = threadTimes(this.#edge.pid);
    const before = this.#before;
    if (now === undefined || before === undefined) return null;
    const pct = (ms: number) => round((ms / (performance.now() - this.#startedAtMs)) * 100, 1);
    return { ranPct: pct(now.ranMs - before.ranMs), waitedPct: pct(now.waitedMs - before.waitedMs) };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** What the edge says of itself: to read its memory map keeps its threads from changing it, which is a delay of its own. */
  async #look(): Promise<void> {
    try {
      const load: unknown = await (await fetch(`${this.#edge.url}/v1/load`)).json();
      const { residentBytes, eventLoopDelayMs } = load as Omit<Sample, 'atMs'>; // The edge of this same tree.
      this.samples.push({ atMs: performance.now(), residentBytes, eventLoopDelayMs });
    } catch {
      // One look less.
    }
  }
}
