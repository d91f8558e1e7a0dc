const EVERY_MS = 1_000;

interface Sample {
  readonly atMs: number;
  readonly residentBytes: number;
  readonly eventLoopDelayMs: number;
}

/** Looks at an edge once a second while it is under load. */
export class EdgeWatch implements Disposable {
  readonly samples: Sample[] = [];
  readonly #edgeUrl: string;
  readonly #timer: NodeJS.Timeout;

  constructor(edge: { readonly url: string }) {
    this.#edgeUrl = edge.url;
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

  /** What the edge says of itself: to read its memory map keeps its threads from changing it, which is a delay of its own. */
  async #look(): Promise<void> {
    try {
      const load: unknown = await (await fetch(`${this.#edgeUrl}/v1/load`)).json();
      const { residentBytes, eventLoopDelayMs } = load as Omit<Sample, 'atMs'>; // The edge of this same tree.
      this.samples.push({ atMs: performance.now(), residentBytes, eventLoopDelayMs });
    } catch {
      // One look less.
    }
  }
}
