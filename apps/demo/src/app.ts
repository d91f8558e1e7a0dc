import { CutpointError, type ModelStatus, type Progress, type SessionEvents } from '@cutpoint/client';
import { EDGE_URL, whenPrepared } from './edge-info.js';
import type { Answer, Reading } from './networks/answer.js';
import { Reader } from './networks/reader.js';
import type { PageState } from './page-state.js';
import type { Batch } from './picture/batch.js';
import type { Frames } from './picture/chooser.js';
import type { Picture } from './picture/picture.js';
import type { Bench, Comparison, ComparisonEvents } from './play/comparison.js';
import { CONSTRAINTS, constraintsOf } from './play/constraints.js';
import { LINK, shapeOf } from './play/link-shape.js';

/** How often the page asks whether the cut would be elsewhere by now, and how often it follows in a row. */
const SETTLE_EVERY_MS = 600;
const MAX_SETTLING_RUNS = 8;
/** Pause between tries to open a model while the edge does not answer. */
const REOPEN_AFTER_MS = 3_000;
/** A stream rests this long after an error that it may get over. */
const STREAM_PAUSE_MS = 1_000;

/** What the page shows of the app; the app knows no element. */
export interface AppView {
  opening(): void;
  /** The edge is not ready with a model yet. */
  preparing(model: ModelStatus): void;
  opened(reader: Reader): void;
  progress(model: string, progress: Progress): void;
  connection(state: Omit<SessionEvents['state'], 'edgeUrl'>): void;
  device(choice: SessionEvents['device']): void;
  /** A picture is about to be read. */
  running(): void;
  partial(answer: Answer): void;
  /** @param dropped frames of a stream that gave way to newer ones since the last answer */
  finished(reading: Reading, picture: Picture, dropped?: number): void;
  failed(error: unknown): void;
  /** Whether the networks would be cut elsewhere than in the last run. */
  wouldMove(): boolean;
}

/** What there is to read: one picture, the camera's without end, or several one after the other. */
type Work =
  | { readonly kind: 'still'; readonly picture: Picture }
  | { readonly kind: 'stream'; readonly frames: Frames }
  | { readonly kind: 'batch'; readonly batch: Batch };

/** Keeps a reader open for what is chosen, and runs it when something changes. */
export class App {
  readonly #view: AppView;
  #state: PageState;
  #work: Work | undefined;
  #reader: Reader | undefined;
  #opening = new AbortController();
  #reading = new AbortController();
  #settlingRuns = 0;
  #waitsForEdge = false;
  #isReading = false;

  constructor(state: PageState, view: AppView) {
    this.#state = state;
    this.#view = view;
    setInterval(() => this.#settle(), SETTLE_EVERY_MS);
  }

  /** @param work `undefined` when there is nothing to read any more */
  setWork(work: Work | undefined): void {
    if (this.#work?.kind === 'batch') this.#work.batch.stop();
    this.#work = work;
    this.runAgain();
  }

  setState(state: PageState): void {
    const before = this.#state;
    this.#state = state;
    if (state.model !== before.model || state.device !== before.device) {
      this.open();
      return;
    }
    for (const [index, { session }] of (this.#reader?.networks ?? []).entries()) {
      if (state.policy !== before.policy) session.setPolicy(state.policy);
      if (CONSTRAINTS.some((key) => state[key] !== before[key])) session.setConstraints(constraintsOf(state));
      if (LINK.some((key) => state[key] !== before[key])) session.setShape(shapeOf(state));
      if (state.cuts[index] !== before.cuts[index]) session.forceCut(state.cuts[index]);
    }
    const effects = ['policy', ...CONSTRAINTS, ...LINK, 'cuts', 'repeat'] as const;
    if (effects.some((key) => state[key] !== before[key])) this.runAgain();
  }

  /** Opens what is chosen; closes what was open. */
  open(): void {
    this.#opening.abort();
    this.#reading.abort();
    const opening = new AbortController();
    this.#opening = opening;
    this.#view.opening();
    this.#openReader(opening.signal).catch((error: unknown) => {
      if (opening.signal.aborted) return;
      this.#view.failed(error);
      if (isUnreachable(error)) {
        const retry = { state: 'offline' as const, reason: 'no answer', retryInMs: REOPEN_AFTER_MS };
        this.#view.connection(retry);
        setTimeout(() => {
          if (!opening.signal.aborted) this.open();
        }, REOPEN_AFTER_MS);
      }
    });
  }

  /** A person wants an answer, or something changed that may change it. */
  runAgain(): void {
    this.#settlingRuns = 0;
    this.#run();
  }

  /**
   * Compares policies by the picture that is there. Whatever else a person changes on the page ends it.
   * @throws what ended it
   */
  async compare(comparison: Comparison, events: ComparisonEvents, signal: AbortSignal): Promise<void> {
    const [reader, work] = [this.#reader, this.#work];
    if (reader === undefined || work === undefined) throw new Error('there is no edge or no picture yet');
    if (work.kind !== 'still') throw new Error('policies are compared by one and the same picture: choose one');
    this.#reading.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#isReading = true;
    for (const { session } of reader.networks) session.forceCut(undefined);
    try {
      const { compare } = await import('./play/comparison.js');
      await compare(benchOf(reader, work.picture), comparison, events, AbortSignal.any([signal, reading.signal]));
    } catch (error) {
      throw reading.signal.aborted ? new Error('something else was changed on this page') : error;
    } finally {
      for (const [index, { session }] of reader.networks.entries()) {
        session.setPolicy(this.#state.policy);
        session.forceCut(this.#state.cuts[index]);
      }
      if (this.#reading === reading) this.runAgain();
    }
  }

  async #openReader(signal: AbortSignal): Promise<void> {
    const former = this.#reader;
    this.#reader = undefined;
    await former?.[Symbol.asyncDispose]();
    signal.throwIfAborted();
    const { model, policy, device } = this.#state;
    await whenPrepared(Reader.modelsOf(model), (unready) => this.#view.preparing(unready), signal);
    const reader = await Reader.open(model, EDGE_URL, {
      policy,
      device,
      ...constraintsOf(this.#state),
      signal,
      shape: shapeOf(this.#state),
      onProgress: (name, progress) => {
        if (!signal.aborted) this.#view.progress(name, progress);
      },
    });
    if (signal.aborted) {
      await reader[Symbol.asyncDispose]();
      return;
    }
    this.#reader = reader;
    for (const [index, { session }] of reader.networks.entries()) {
      const forced = this.#state.cuts[index];
      if (forced !== undefined) session.forceCut(forced);
      session.on('device', (choice) => this.#view.device(choice));
    }
    const [first] = reader.networks;
    if (first) {
      first.session.on('state', (state) => this.#onConnection(state));
      if (first.session.device) this.#view.device(first.session.device);
    }
    this.#view.opened(reader);
    this.runAgain();
  }

  #onConnection(state: SessionEvents['state']): void {
    if (state.state === 'closed') return;
    this.#view.connection(state);
    if (state.state === 'online' && this.#waitsForEdge) this.runAgain();
  }

  #run(): void {
    this.#reading.abort();
    if (this.#reader === undefined || this.#work === undefined) return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#waitsForEdge = false;
    this.#isReading = true;
    this.#read(this.#reader, this.#work, reading.signal)
      .catch((error: unknown) => this.#onFailure(error, reading.signal))
      .finally(() => {
        if (this.#reading === reading) this.#isReading = false;
      });
  }

  async #read(reader: Reader, work: Work, signal: AbortSignal): Promise<void> {
    switch (work.kind) {
      case 'still':
        return this.#readStill(reader, work.picture, signal);
      case 'stream':
        return this.#readStream(reader, work.frames, signal);
      case 'batch':
        return work.batch.run((picture, either) => this.#readOne(reader, picture, either), signal);
    }
  }

  async #readStill(reader: Reader, picture: Picture, signal: AbortSignal): Promise<void> {
    do {
      const onPartial = (answer: Answer): void => {
        if (!signal.aborted) this.#view.partial(answer);
      };
      const reading = await this.#readOne(reader, picture, signal, onPartial);
      signal.throwIfAborted();
      this.#view.finished(reading, picture);
      // A page that is not seen has nothing to keep running for.
      await whenVisible(signal);
    } while (this.#state.repeat);
  }

  async #readStream(reader: Reader, frames: Frames, signal: AbortSignal): Promise<void> {
    this.#view.running();
    for await (const { reading, picture, dropped } of reader.stream(frames(signal), signal)) {
      signal.throwIfAborted();
      this.#view.finished(reading, picture, dropped);
      this.#view.running();
    }
  }

  #readOne(
    reader: Reader,
    picture: Picture,
    signal: AbortSignal,
    onPartial: (answer: Answer) => void = () => undefined,
  ): Promise<Reading> {
    this.#view.running();
    return reader.read(picture, { signal, onPartial });
  }

  #onFailure(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    if (error instanceof CutpointError && error.code === 'stale_manifest') {
      this.open();
      return;
    }
    this.#waitsForEdge = isUnreachable(error);
    this.#view.failed(error);
    if (this.#waitsForEdge) {
      if (this.#reader?.networks[0]?.session.state === 'online')
        setTimeout(() => this.#resume(signal), STREAM_PAUSE_MS);
      return;
    }
    if (this.#state.repeat || this.#work?.kind !== 'still') setTimeout(() => this.#resume(signal), STREAM_PAUSE_MS);
  }

  #resume(signal: AbortSignal): void {
    if (!signal.aborted) this.#run();
  }

  /** A still picture is read again when the controller would cut elsewhere by now, as it would in a stream. */
  #settle(): void {
    if (this.#isReading || document.hidden || this.#settlingRuns >= MAX_SETTLING_RUNS) return;
    if (this.#reader === undefined || this.#work?.kind !== 'still' || !this.#view.wouldMove()) return;
    this.#settlingRuns++;
    this.#run();
  }
}

function benchOf(reader: Reader, picture: Picture): Bench {
  return {
    setPolicy: (policy) => {
      for (const { session } of reader.networks) session.setPolicy(policy);
    },
    read: (signal) => reader.read(picture, { signal, onPartial: () => {} }),
    hasItsWish: () =>
      reader.networks.every(({ session }) => {
        const plan = session.explain();
        return plan === undefined || plan.wish.arm === plan.chosen.arm;
      }),
  };
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CutpointError && error.code === 'edge_unreachable';
}

function whenVisible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      document.removeEventListener('visibilitychange', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    document.addEventListener('visibilitychange', done);
    signal.addEventListener('abort', done);
  });
}
