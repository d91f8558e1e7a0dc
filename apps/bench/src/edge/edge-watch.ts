import { processMemory } from './memory.js';

const EVERY_MS = 1_000;

interface Sample {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly eventLoopDelayMs: number;
}

/** Looks at an edge once a second while it is under load. */
export class EdgeWatch implements Disposable {
  readonly samples: Sample[] = [];
  readonly #edge: { readonly url: string; readonly pid: number };
  readonly #timer: NodeJS.Timeout;

  constructor(edge: { readonly url: string; readonly pid: number }) {
    this.#edge = edge;
    this.#timer = setInterval(() => void this.#look(), EVERY_MS);
  }

  /** The worst 99th percentile of a window of some seconds. */
  get eventLoopP99Ms(): number {
    return Math.max(0, ...this.samples.map(({ eventLoopDelayMs }) => eventLoopDelayMs));
  }

  get mostResidentBytes(): number {
    return Math.max(0, ...this.samples.map(({ residentBytes }) => residentBytes));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { url, pid } = this.#edge;
    try {
      const load: unknown = await (await fetch(`${url}/v1/load`)).json();
      const { residentBytes } = await processMemory(pid);
      const { eventLoopDelayMs } = load as { eventLoopDelayMs: number }; // The edge of this same tree.
      this.samples.push({ atMs: performance.now(), residentBytes, eventLoopDelayMs });
    } catch {
      // One look less.
    }
  }
}
