import type { LoadReport, SessionEvents, Trace } from '@cutpoint/client';
import { mbitPerSecond } from '../format.js';
import { OLD_MS } from './facts.js';

export const WINDOW_MS = 60_000;
/** The edge tells of its load every two seconds; what it has not repeated for this long is not known any more. */
const LOAD_OLD_MS = 5_000;

export type Key = 'up' | 'down' | 'queueMs' | 'k' | 'cpu' | 'gpu' | 'measuredMs' | 'predictedMs';

/** What is known at one moment; `null` where nothing is, or nothing any more: a gap in the line. */
export interface Sample {
  readonly atMs: number;
  readonly values: Readonly<Record<Key, number | null>>;
  readonly cutMoved: boolean;
}

/** The last minute of one network, its link and its edge, as samples at moments that the caller gives. */
export class LiveSamples {
  readonly #samples: Sample[] = [];
  #link: { readonly link: Partial<SessionEvents['link']>; readonly atMs: number } = { link: {}, atMs: 0 };
  #load: { readonly load: LoadReport; readonly atMs: number } | undefined;
  #model = '';
  #trace: Trace | undefined;
  #lastCut: number | undefined;
  #cutMoved = false;

  get all(): readonly Sample[] {
    return this.#samples;
  }

  get load(): LoadReport | undefined {
    return this.#load?.load;
  }

  /** The network whose inferences are told; another one starts afresh. */
  setModel(model: string): void {
    if (model === this.#model) return;
    this.#model = model;
    this.#samples.length = 0;
    this.#trace = undefined;
    this.#cutMoved = false;
    this.#lastCut = undefined;
  }

  addLink(link: SessionEvents['link'], nowMs: number): void {
    this.#link = { link, atMs: nowMs };
  }

  addLoad(load: LoadReport, nowMs: number): void {
    this.#load = { load, atMs: nowMs };
  }

  addTrace(trace: Trace): void {
    if (trace.model !== this.#model) return;
    this.#trace = trace;
    this.#cutMoved ||= this.#lastCut !== undefined && this.#lastCut !== trace.cut;
    this.#lastCut = trace.cut;
  }

  /** Notes what is known now, and forgets what is older than the window. */
  take(nowMs: number): void {
    this.#samples.push({ atMs: nowMs, values: this.#valuesAt(nowMs), cutMoved: this.#cutMoved });
    this.#trace = undefined;
    this.#cutMoved = false;
    while ((this.#samples[0]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#samples.shift();
  }

  /** What a line says now, or said of its last inference within the window. */
  latest(key: Key): number | null {
    const isOfInferences = key === 'measuredMs' || key === 'predictedMs';
    const sample = isOfInferences ? this.#samples.findLast(({ values }) => values[key] !== null) : this.#samples.at(-1);
    return sample?.values[key] ?? null;
  }

  #valuesAt(nowMs: number): Sample['values'] {
    const trace = this.#trace;
    const load = this.#load !== undefined && nowMs - this.#load.atMs < LOAD_OLD_MS ? this.#load.load : undefined;
    const { uplinkBytesPerMs, uplinkAgeMs = 0, downlinkBytesPerMs, downlinkAgeMs = 0 } = this.#link.link;
    const rate = (bytesPerMs: number | undefined, ageMs: number): number | null => {
      const isOld = ageMs + nowMs - this.#link.atMs >= OLD_MS;
      return bytesPerMs === undefined || isOld ? null : mbitPerSecond(bytesPerMs);
    };
    return {
      up: rate(uplinkBytesPerMs, uplinkAgeMs),
      down: rate(downlinkBytesPerMs, downlinkAgeMs),
      queueMs: load?.queueMs ?? null,
      k: load?.k[this.#model] ?? null,
      cpu: load?.cpuUtilisation ?? null,
      gpu: load?.gpuUtilisation ?? null,
      measuredMs: trace?.totalMs ?? null,
      predictedMs: trace?.plan?.chosen.totalMs ?? null,
    };
  }
}
