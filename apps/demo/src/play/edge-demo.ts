import type { LinkShape } from '@cutpoint/client';
import { EDGE_URL, HEADERS } from '../edge-info.js';

/** The edge is asked again this often, */
const RENEW_EVERY_MS = 4_000;
/** and forgets what it was asked after this: a page that is closed leaves no load behind. */
const FOR_MS = 10_000;

export interface EdgeLoad {
  /** More clients, each with one tail waiting or running. */
  readonly tails: number;
  /** Threads that compute beside the tails. */
  readonly neighbours: number;
}

export const NO_LOAD: EdgeLoad = Object.freeze({ tails: 0, neighbours: 0 });

/** Asks an edge that was started for demonstration to be busy, or to be slow to reach, and goes on asking. */
export class EdgeDemo {
  readonly #onRefused: (reason: string) => void;
  #model = '';
  #load = NO_LOAD;
  #link: LinkShape | undefined;

  constructor(onRefused: (reason: string) => void) {
    this.#onRefused = onRefused;
    setInterval(() => {
      // Nobody sees what comes of it.
      if (!document.hidden) void this.#renew();
    }, RENEW_EVERY_MS);
  }

  /** Whose tails are run for load. */
  setModel(model: string): void {
    if (model === this.#model) return;
    this.#model = model;
    void this.#renew();
  }

  setLoad(load: EdgeLoad): void {
    const was = this.#load;
    this.#load = load;
    if (isLoad(was) || isLoad(load)) void this.#post('load', { model: this.#model, ...load });
  }

  /** @param link `undefined` ends what was asked for before */
  setLink(link: LinkShape | undefined): void {
    const was = this.#link;
    this.#link = link;
    if (was !== undefined || link !== undefined) void this.#post('link', { ...link });
  }

  async #renew(): Promise<void> {
    if (isLoad(this.#load)) await this.#post('load', { model: this.#model, ...this.#load });
    if (this.#link !== undefined) await this.#post('link', { ...this.#link });
  }

  async #post(what: 'load' | 'link', wanted: object): Promise<void> {
    if (what === 'load' && this.#model === '') return;
    const body = JSON.stringify({ ...wanted, forMs: FOR_MS });
    try {
      const response = await fetch(new URL(`v1/demo/${what}`, EDGE_URL), {
        method: 'POST',
        headers: { ...HEADERS, 'content-type': 'application/json' },
        body,
      });
      if (!response.ok) this.#onRefused(`the edge answered ${response.status}`);
    } catch {
      this.#onRefused('the edge did not answer');
    }
  }
}

function isLoad({ tails, neighbours }: EdgeLoad): boolean {
  return tails > 0 || neighbours > 0;
}
