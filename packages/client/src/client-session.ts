import type { Codec, Plan, PolicyName } from '@cutpoint/partition';
import type { Manifest } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import type { ConnectedSession } from './connected-session.js';
import { type Undertaking, withDeadline, withinDeadline } from './deadline.js';
import { DEFAULT_CONNECT_OPTIONS } from './defaults.js';
import { type EdgeAccess, GRACE_MS } from './edge-access.js';
import { Emitter } from './emitter.js';
import { CutpointError, orAborted } from './errors.js';
import { askedOf, fetched } from './fetches.js';
import { type FirstRun, FirstRuns, OFFLOAD } from './first-runs.js';
import { decodeImage } from './image/pixels.js';
import { loadScript } from './load-script.js';
import { ownVariant } from './manifest-variants.js';
import type {
  ConnectOptions,
  DeviceChoice,
  Fetches,
  ImageResult,
  ImageSource,
  LinkShape,
  Progress,
  RunOptions,
  Session,
  SessionConstraints,
  SessionEvents,
  SessionState,
  Trace,
} from './session.js';
import type { FrameSource, StreamOptions, StreamResult } from './stream.js';
import type { TensorLike } from './tensors.js';
import { traceOf } from './trace.js';
import type { ConnectionState } from './transport/connection-events.js';

export interface ClientSessionParts {
  readonly access: EdgeAccess;
  readonly manifest: Manifest;
  readonly options: ConnectOptions;
}

/** What could not be loaded is asked for again after this, by the end of an inference. */
const LOAD_RETRY_MS = 5000;

/** Of the rest's events; the others are told here already. */
const FORWARDED = ['decision', 'decided', 'trace', 'link', 'device'] as const;

/**
 * What `connect` gives: small, so that it is there soon. It has the edge run the first inferences by itself; what decides,
 * runs heads and keeps weights is loaded when the first of them has ended, or when something asks for more than that, and
 * does everything from then on.
 */
export class ClientSession implements Session {
  readonly access: EdgeAccess;
  readonly #manifest: Manifest;
  readonly #options: ConnectOptions;
  readonly #events = new Emitter<SessionEvents>();
  readonly #life = new AbortController();
  readonly #firstRuns: FirstRuns;
  readonly #unsubscribe: (() => void)[];
  /** Chosen before the rest was there. */
  #policy: PolicyName;
  #constraints: SessionConstraints;
  #forced: { readonly cut: number; readonly codec: Codec | undefined } | undefined;
  #loading: Promise<ConnectedSession> | undefined;
  #rest: ConnectedSession | undefined;
  #loadAgainAtMs = 0;
  #lastTraceId = 0;

  constructor({ access, manifest, options }: ClientSessionParts) {
    this.access = access;
    this.#manifest = manifest;
    this.#options = options;
    this.#policy = options.policy ?? DEFAULT_CONNECT_OPTIONS.policy;
    this.#constraints = options;
    this.#firstRuns = new FirstRuns(access);
    access.firstEnded.promise.then(() => this.#load()).catch(() => {});
    const { choice, connection } = access;
    this.#unsubscribe = [
      choice.serves(() => this.manifest),
      choice.events.on('warning', (warning) => this.#warn(warning)),
      connection.events.on('state', (state) => this.#emitState(state)),
      connection.events.on('load', (load) => this.#events.emit('load', load)),
    ];
  }

  get manifest(): Manifest {
    return this.#rest?.manifest ?? this.#manifest;
  }

  get device(): DeviceChoice | undefined {
    return this.#rest?.device;
  }

  get state(): SessionState {
    return this.#life.signal.aborted ? 'closed' : this.access.connection.state.state;
  }

  get edgeUrl(): string {
    return this.access.baseUrl.href;
  }

  get inputNames(): readonly string[] {
    return ownVariant(this.manifest)?.inputs.map(({ name }) => name) ?? [];
  }

  get outputNames(): readonly string[] {
    return ownVariant(this.manifest)?.outputs.map(({ name }) => name) ?? [];
  }

  async run(
    feeds: Readonly<Record<string, TensorLike>>,
    second?: Fetches | RunOptions,
    third?: RunOptions,
  ): Promise<Record<string, Tensor>> {
    const { fetches, options } = askedOf(this.outputNames, second, third);
    return fetched(await this.#runAll(feeds, options), fetches);
  }

  #runAll(feeds: Readonly<Record<string, TensorLike>>, options: RunOptions): Promise<Record<string, Tensor>> {
    return this.#undertake(
      options,
      async (undertaking) => {
        const run = await this.#firstRuns.tensors(this.#manifest, feeds, undertaking);
        if (run) this.#traced(run, undertaking);
        return run?.outputs;
      },
      (rest, left) => rest.run(feeds, left),
    );
  }

  runImage(image: ImageSource, options: RunOptions = {}): Promise<ImageResult> {
    return this.#undertake(
      options,
      async (undertaking) => {
        // How much a JPEG loses stands in the cut table.
        if (this.#constraints.maxAccuracyDrop !== undefined) return undefined;
        const picture = await decodeImage(image);
        try {
          const run = await this.#firstRuns.picture(this.#manifest, picture, undertaking);
          if (!run) return undefined;
          return { outputs: run.outputs, placement: run.placement, trace: this.#traced(run, undertaking) };
        } finally {
          picture.release();
        }
      },
      (rest, left) => rest.runImage(image, left),
    );
  }

  async *stream(
    source: FrameSource<ImageSource>,
    options: StreamOptions = {},
  ): AsyncGenerator<StreamResult<ImageResult>, void> {
    const rest = await orAborted(this.#load(), options.signal);
    yield* rest.stream(source, options);
  }

  async ready(): Promise<DeviceChoice> {
    return (await this.#load()).device;
  }

  explain(): Plan | undefined {
    return this.#rest?.explain();
  }

  setPolicy(policy: PolicyName): void {
    this.#policy = policy;
    this.#rest?.setPolicy(policy);
  }

  setConstraints(constraints: SessionConstraints): void {
    this.#constraints = constraints;
    this.#rest?.setConstraints(constraints);
  }

  forceCut(cut: number | undefined, codec?: Codec): void {
    this.#forced = cut === undefined ? undefined : { cut, codec };
    if (this.#rest) this.#rest.forceCut(cut, codec);
    // What the cut needs is prepared from now on.
    else if (this.#forced) this.#load().catch(() => {});
  }

  setShape(shape: LinkShape | undefined): void {
    this.access.setShape(shape);
  }

  on<K extends keyof SessionEvents>(event: K, listener: (value: SessionEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async close(): Promise<void> {
    if (this.#life.signal.aborted) return;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#life.abort(CutpointError.closed());
    await this.#rest?.close();
    this.access.release();
    this.#emitState({ state: 'closed', reason: 'closed by the page' });
    this.#events.clear();
  }

  release(): Promise<void> {
    return this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Has the edge do it while there is nothing else, and the rest what the edge does not. */
  async #undertake<T>(
    asked: RunOptions,
    first: (undertaking: Undertaking) => Promise<T | undefined>,
    otherwise: (rest: ConnectedSession, options: RunOptions) => Promise<T>,
  ): Promise<T> {
    if (this.#rest) return otherwise(this.#rest, asked);
    const options = withDeadline(asked, this.#constraints);
    const { clock, undertakings } = this.access;
    const ends = undertakings.begin();
    const limits = { ...options, life: this.#life.signal, advice: () => this.access.advice };
    return withinDeadline(clock, limits, async (undertaking) => {
      for (;;) {
        // Also while what decides is on its way: it has no head either, and would send the same.
        const done = this.#isForTheEdge(options) && !this.#rest ? await first(undertaking) : undefined;
        if (done !== undefined) return done;
        const rest = await this.#load().catch((error: unknown) => this.#withoutRest(error, undertaking));
        const { endMs, signal } = undertaking;
        const deadlineMs = endMs === undefined ? undefined : Math.max(0, endMs - clock.now());
        if (rest) return otherwise(rest, { ...options, signal, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
      }
    }).finally(() => {
      ends();
      this.access.firstEnded.tell();
      this.#loadAgain();
    });
  }

  /** Whoever serves the scripts is away, as the edge may be: when that is back both are tried again. */
  async #withoutRest(error: unknown, { endMs, signal }: Undertaking): Promise<undefined> {
    const isAway = error instanceof CutpointError && error.code === 'runtime_unavailable';
    if (!isAway || this.state !== 'offline') throw error;
    await this.access.untilOnline(endMs === undefined ? GRACE_MS : undefined, signal);
  }

  /** Nothing that the app asked for is in the way of sending all of it. */
  #isForTheEdge({ cut, codec }: RunOptions): boolean {
    const { keepInputOnDevice, maxUplinkBytesPerSecond, codecs } = this.#constraints;
    if (keepInputOnDevice || (maxUplinkBytesPerSecond ?? codecs) !== undefined) return false;
    const forced = cut === undefined ? this.#forced : { cut, codec };
    if (forced) return forced.cut === OFFLOAD && forced.codec === undefined;
    return this.#policy === 'cutpoint' || this.#policy === 'offload';
  }

  #traced(run: FirstRun, { startedAtMs, traceparent }: Undertaking): Trace {
    const { variant, codec, resizeMs, encodeMs, bytesUp, reply, edgeUrl, endedAtMs } = run;
    const facts = { id: this.#takeTraceId(), model: this.#manifest.model, variant: variant.id };
    const outcome = { cut: 0, codec, waitMs: 0, headMs: 0, encodeMs, bytesUp, reply, edgeUrl, rescued: undefined };
    const trace = traceOf({ ...facts, startedAtMs, traceparent, endedAtMs, resizeMs }, outcome);
    this.#events.emit('trace', trace);
    return trace;
  }

  readonly #takeTraceId = (): number => {
    this.#lastTraceId += 1;
    return this.#lastTraceId;
  };

  /** What could not be loaded before, an inference later and not at once. */
  #loadAgain(): void {
    if (this.#loading || this.access.clock.now() < this.#loadAgainAtMs) return;
    this.#load().catch(() => {});
  }

  /** A later call tries again what failed. */
  #load(): Promise<ConnectedSession> {
    this.#loading ??= this.#open().catch((error: unknown) => {
      this.#loading = undefined;
      this.#loadAgainAtMs = this.access.clock.now() + LOAD_RETRY_MS;
      throw error;
    });
    return this.#loading;
  }

  async #open(): Promise<ConnectedSession> {
    const { openSession } = await loadScript(import('./rest.js'));
    if (this.#life.signal.aborted) throw CutpointError.closed();
    const rest = await openSession(this.access, {
      options: this.#options,
      manifest: this.#manifest,
      chosen: () => ({ policy: this.#policy, forced: this.#forced, constraints: this.#constraints }),
      firstRuns: this.#firstRuns.ended,
      firstEnded: this.access.firstEnded.promise,
      life: this.#life.signal,
      takeTraceId: this.#takeTraceId,
      onProgress: (progress) => this.#progress(progress),
    });
    if (this.#life.signal.aborted) await rest.close();
    for (const event of FORWARDED) rest.on(event, (value) => this.#events.emit(event, value));
    this.#rest = rest;
    const { headless } = rest.edge;
    if (headless) this.#warn(headless);
    else this.#events.emit('device', rest.device);
    return rest;
  }

  #emitState(state: ConnectionState): void {
    this.#events.emit('state', { ...state, edgeUrl: this.edgeUrl });
  }

  #warn(warning: CutpointError): void {
    this.#options.onWarning?.(warning);
    this.#events.emit('warning', warning);
  }

  #progress(progress: Progress): void {
    this.#options.onProgress?.(progress);
    this.#events.emit('progress', progress);
  }
}
