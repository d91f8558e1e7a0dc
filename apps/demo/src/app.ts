import { CutpointError, type LinkShape, type ModelStatus, type Progress, type SessionEvents } from '@cutpoint/client';
import { askFor, EDGE_URL, fetchModels } from './edge-info.js';
import { bytesPerMs } from './format.js';
import type { Answer, Reading } from './networks/answer.js';
import { Reader } from './networks/reader.js';
import type { PageState } from './page-state.js';
import type { Picture } from './picture/picture.js';

/** How often the page asks whether the cut would be elsewhere by now, and how often it follows in a row. */
const SETTLE_EVERY_MS = 600;
const MAX_SETTLING_RUNS = 8;
/** Pause between tries to open a model while the edge does not answer. */
const REOPEN_AFTER_MS = 3_000;
/** How often the edge is asked how far it is with a model that it prepares. */
const PREPARING_POLL_MS = 700;
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
  finished(reading: Reading, picture: Picture): void;
  failed(error: unknown): void;
  /** Whether the networks would be cut elsewhere than in the last run. */
  wouldMove(): boolean;
}

/** Takes a next picture each time it is asked: a still one again, or the camera's. */
type PictureSource = () => Promise<Picture>;

/** Keeps a reader open for what is chosen, and runs it when something changes. */
export class App {
  readonly #view: AppView;
  #state: PageState;
  #source: PictureSource | undefined;
  #isStream = false;
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

  /**
   * @param source `undefined` when there is nothing to read any more
   * @param isStream every run takes a new picture, without end
   */
  setPicture(source: PictureSource | undefined, isStream: boolean): void {
    this.#source = source;
    this.#isStream = isStream;
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
      if (state.linkMbit !== before.linkMbit || state.roundTripMs !== before.roundTripMs) {
        session.setShape(shapeOf(state));
      }
      if (state.cuts[index] !== before.cuts[index]) session.forceCut(state.cuts[index]);
    }
    const effects = ['policy', 'linkMbit', 'roundTripMs', 'cuts', 'repeat'] as const;
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

  async #openReader(signal: AbortSignal): Promise<void> {
    const former = this.#reader;
    this.#reader = undefined;
    await former?.[Symbol.asyncDispose]();
    signal.throwIfAborted();
    const { model, policy, device } = this.#state;
    await this.#whenPrepared(Reader.modelsOf(model), signal);
    const reader = await Reader.open(model, EDGE_URL, {
      policy,
      device,
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
      this.#view.device(first.session.device);
    }
    this.#view.opened(reader);
    this.runAgain();
  }

  /** `connect` waits by itself; asking here first shows how far the edge is, step by step. */
  async #whenPrepared(names: readonly string[], signal: AbortSignal): Promise<void> {
    for (;;) {
      // An edge that does not answer is for `connect` to report.
      const models = await fetchModels().catch(() => []);
      signal.throwIfAborted();
      const unready = models.find(
        ({ name, status }) => names.includes(name) && (status === 'preparing' || status === 'on-demand'),
      );
      if (unready === undefined) return;
      if (unready.status === 'on-demand') await askFor(unready.name).catch(() => undefined);
      signal.throwIfAborted();
      this.#view.preparing(unready);
      await new Promise((resolve) => setTimeout(resolve, PREPARING_POLL_MS));
      signal.throwIfAborted();
    }
  }

  #onConnection(state: SessionEvents['state']): void {
    if (state.state === 'closed') return;
    this.#view.connection(state);
    if (state.state === 'online' && this.#waitsForEdge) this.runAgain();
  }

  #run(): void {
    this.#reading.abort();
    if (this.#reader === undefined || this.#source === undefined) return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#waitsForEdge = false;
    this.#isReading = true;
    this.#read(this.#reader, this.#source, reading.signal)
      .catch((error: unknown) => this.#onFailure(error, reading.signal))
      .finally(() => {
        if (this.#reading === reading) this.#isReading = false;
      });
  }

  async #read(reader: Reader, source: PictureSource, signal: AbortSignal): Promise<void> {
    do {
      this.#view.running();
      const picture = await source();
      signal.throwIfAborted();
      const onPartial = (answer: Answer): void => {
        if (!signal.aborted && !this.#isStream) this.#view.partial(answer);
      };
      const reading = await reader.read(picture, { signal, onPartial });
      signal.throwIfAborted();
      this.#view.finished(reading, picture);
      // A camera's frames would fill the memory before they are collected.
      if (this.#isStream) picture.bitmap.close();
      // A page that is not seen has nothing to keep running for.
      await whenVisible(signal);
    } while (this.#state.repeat || this.#isStream);
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
    if (this.#state.repeat || this.#isStream) setTimeout(() => this.#resume(signal), STREAM_PAUSE_MS);
  }

  #resume(signal: AbortSignal): void {
    if (!signal.aborted) this.#run();
  }

  /** A still picture is read again when the controller would cut elsewhere by now, as it would in a stream. */
  #settle(): void {
    if (this.#isReading || document.hidden || this.#settlingRuns >= MAX_SETTLING_RUNS) return;
    if (this.#reader === undefined || !this.#view.wouldMove()) return;
    this.#settlingRuns++;
    this.#run();
  }
}

function shapeOf({ linkMbit, roundTripMs }: PageState): LinkShape | undefined {
  if (linkMbit === undefined && roundTripMs === 0) return undefined;
  const rate =
    linkMbit === undefined ? {} : { uplinkBytesPerMs: bytesPerMs(linkMbit), downlinkBytesPerMs: bytesPerMs(linkMbit) };
  return { ...rate, roundTripMs };
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
