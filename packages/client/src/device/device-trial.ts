import type { Clock } from '../clock.js';
import { withinMs } from '../deadline.js';
import { CutpointError } from '../errors.js';
import type { Part, PartWork } from '../heads/head-store.js';
import type { Overlap } from '../overlap.js';
import type { DeviceCandidate, DeviceChoice } from '../session.js';
import type { WorkerLike } from '../worker/lane.js';
import type { CreateCall, RunResult } from '../worker/messages.js';
import { buffersOf, Runtime } from '../worker/runtime.js';
import { type DeviceMemory, NO_ADAPTER, type Remembered } from './device-memory.js';
import { mostThreads } from './threads.js';
import { timeRuns } from './time-runs.js';

/** Nothing runs and nothing was begun for so long: the page has time for a measurement. */
const QUIET_MS = 2000;
/** A page that is never quiet for long enough is left alone after so many. */
const MAX_TRIES = 3;
/** To build a head and time it in one way, once onnxruntime-web is there. */
const CANDIDATE_MS = 30_000;
/** What is not faster by this much is not worth building all heads again. */
const WORTH = 0.9;
/** A head of so many times the work may be faster elsewhere: few operators say little of many. */
const MUCH_MORE = 4;

/** What is timed: a head that is built, and how it is run. */
export interface TimedHead {
  readonly head: Part;
  readonly work: Pick<PartWork, 'feeds' | 'fetches'>;
}

export interface TrialParts {
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly memory: DeviceMemory;
  readonly model: string;
  /** The inferences of this page. */
  readonly inferences: Overlap;
  /** Where heads run now. */
  device(): DeviceChoice;
  /** Whether it is still there. */
  isBuilt(head: Part): boolean;
  /** A fresh copy of all that a head is built from. */
  partsOf(head: Part): Promise<Pick<CreateCall, 'graph' | 'packs'>>;
  /** Whether the page may spend time and bytes on it now. */
  mayMeasure(): boolean;
  /** Time of day. */
  readonly today?: () => number;
  /** The browser's own worker where it is left out. */
  readonly spawn?: () => WorkerLike;
}

/**
 * Finds out by measurement where this device runs the heads of one model fastest, and moves them there; both while
 * nothing else runs. What was measured once is taken from memory at the next visit.
 */
export class DeviceTrial {
  readonly #parts: TrialParts;
  #largest: TimedHead | undefined;
  #isBusy = false;
  #tries = 0;
  #isClosed = false;
  /** The worker in which a rival is timed. */
  #rival: Runtime | undefined;
  #cancel: () => void = () => {};

  constructor(parts: TrialParts) {
    this.#parts = parts;
  }

  /** A head was built and runs. The largest one that is there when the page has time is measured. */
  offer(timed: TimedHead): void {
    const { head } = timed;
    // Where the graphics device cannot run the model there is nothing to choose.
    if (head.created.provider !== this.#parts.device().kind) return;
    if (flopsOf(timed) >= flopsOf(this.#largest)) this.#largest = timed;
    if (this.#isBusy || this.#isClosed) return;
    this.#isBusy = true;
    this.#go()
      // It had no time, or its head was released meanwhile: the next head is another chance.
      .catch(() => {})
      .finally(() => {
        this.#isBusy = false;
      });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel();
    this.#rival?.close();
  }

  async #go(): Promise<void> {
    while (this.#tries < MAX_TRIES && !this.#isClosed) {
      await this.#quiet();
      const { ort, isNeeded } = await this.#isNeeded();
      if (!isNeeded || !this.#largest) return;
      // Its place was needed: the next one that is built is another chance.
      if (!this.#parts.isBuilt(this.#largest.head)) {
        this.#largest = undefined;
        return;
      }
      this.#tries += 1;
      const found = await this.#measure(this.#largest, ort).catch(() => undefined);
      if (!found || this.#isClosed) continue;
      this.#tries = 0;
      // Not waited for: a database may never answer.
      void this.#parts.memory.keep(found);
      await this.#settle(found);
      return;
    }
  }

  /** Whether nothing that is known tells of this onnxruntime-web, and of heads of about this size. */
  async #isNeeded(): Promise<{ ort: string; isNeeded: boolean }> {
    const { runtime, device } = this.#parts;
    const { version } = await runtime.call({ type: 'load' });
    const known = device().measured;
    const isNeeded = known?.ort !== version || flopsOf(this.#largest) >= MUCH_MORE * known.headFlops;
    return { ort: version, isNeeded: isNeeded && this.#rivals().length > 0 };
  }

  async #measure(timed: TimedHead, ort: string): Promise<Remembered | undefined> {
    const { clock, device, inferences, model, runtime, today = Date.now } = this.#parts;
    const { begun } = inferences;
    const isQuiet = () => !this.#isClosed && inferences.isIdle && inferences.begun === begun;
    const { kind, threads, adapter = NO_ADAPTER } = device();
    const ms = await timeRuns(() => runHead(runtime, timed), clock, isQuiet);
    const candidates: DeviceCandidate[] = [{ kind, threads, ms }];
    for (const rival of this.#rivals()) candidates.push(await this.#timeRival(rival, timed, isQuiet));
    if (!isQuiet()) return undefined;
    const winner = candidates.reduce((best, one) =>
      (one.ms ?? Infinity) < WORTH * (best.ms ?? Infinity) ? one : best,
    );
    const { variant, cut } = timed.head.spec;
    const head = `cut ${cut.id} of ${variant.id}`;
    const measured = { candidates, atMs: today(), head, headFlops: cut.headFlops, ort, remembered: false };
    return { model, adapter, mostThreads: mostThreads(), kind: winner.kind, threads: winner.threads, measured };
  }

  /** The ways in which heads do not run now. */
  #rivals(): DeviceCandidate[] {
    const { kind, threads, adapter } = this.#parts.device();
    const all: DeviceCandidate[] = [...new Set([mostThreads(), 1])].map((count) => ({ kind: 'wasm', threads: count }));
    if (adapter !== undefined) all.unshift({ kind: 'webgpu', threads: mostThreads() });
    return all.filter((one) => one.kind !== kind || (kind === 'wasm' && one.threads !== threads));
  }

  /**
   * In a worker of its own. What cannot be built or run there is no candidate; onnxruntime-web that did not arrive is no
   * reason to believe anything.
   */
  async #timeRival(rival: DeviceCandidate, timed: TimedHead, isQuiet: () => boolean): Promise<DeviceCandidate> {
    const { kind, threads } = rival;
    const { clock, spawn } = this.#parts;
    if (this.#isClosed) throw CutpointError.closed();
    const { runtime, device: choosing } = Runtime.begin(kind, clock, spawn, { threads });
    // From its first moment on: a page that closes must not leave a worker that has not answered yet.
    this.#rival = runtime;
    try {
      const device = await choosing;
      await runtime.call({ type: 'load' });
      if (device.kind !== kind || !isQuiet()) return rival;
      const timing = this.#build(runtime, kind, timed).then((provider) =>
        provider === kind ? timeRuns(() => runHead(runtime, timed), clock, isQuiet) : undefined,
      );
      const ms = await withinMs(clock, CANDIDATE_MS, timing);
      return ms === undefined ? rival : { ...rival, ms };
    } catch (error) {
      if (error instanceof CutpointError && error.code === 'runtime_failed') return rival;
      throw error;
    } finally {
      runtime.close();
    }
  }

  async #build(runtime: Runtime, provider: 'webgpu' | 'wasm', { head }: TimedHead): Promise<'webgpu' | 'wasm'> {
    const { inputs, onGpu } = head.spec;
    const { graph, packs } = await this.#parts.partsOf(head);
    const transfer = [graph.buffer, ...packs.map(({ bytes }) => bytes.buffer)];
    const call = { type: 'create', key: head.key, graph, packs, inputs, provider, onGpu } as const;
    return (await runtime.call(call, transfer)).provider;
  }

  /** Moves heads when the page is quiet: those that are built are lost by it. */
  async #settle(found: Remembered): Promise<void> {
    const { device, runtime } = this.#parts;
    const now = device();
    if (found.kind === now.kind && (found.kind === 'webgpu' || found.threads === now.threads)) {
      runtime.confirm(now, found);
      return;
    }
    if (!this.#isQuietNow()) await this.#quiet();
    this.#largest = undefined;
    runtime.move(found);
  }

  #isQuietNow(): boolean {
    const { inferences, mayMeasure, runtime } = this.#parts;
    return inferences.isIdle && runtime.isIdle && mayMeasure();
  }

  /** Resolves when nothing ran for a while; never once it is closed. */
  #quiet(): Promise<void> {
    const { clock, inferences } = this.#parts;
    return new Promise((resolve) => {
      const look = (begunBefore: number, wasQuiet: boolean): void => {
        const { begun } = inferences;
        const isQuiet = this.#isQuietNow();
        if (isQuiet && wasQuiet && begun === begunBefore) resolve();
        else this.#cancel = clock.after(QUIET_MS, () => look(begun, isQuiet));
      };
      look(inferences.begun, false);
    });
  }
}

function flopsOf(timed: TimedHead | undefined): number {
  return timed?.head.spec.cut.headFlops ?? Number.NEGATIVE_INFINITY;
}

function runHead(runtime: Runtime, { head, work }: TimedHead): Promise<RunResult> {
  const feeds = work.feeds
    .filter(({ name }) => head.created.inputNames.includes(name))
    .map((feed) => ({ ...feed, bytes: feed.bytes.slice() }));
  const call = { type: 'run', key: head.key, feeds, fetches: work.fetches, isTrial: true } as const;
  return runtime.call(call, buffersOf(feeds));
}
