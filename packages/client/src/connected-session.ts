import type { Codec, DecisionInput, Objective, Plan, PolicyName } from '@cutpoint/partition';
import type { Manifest, Variant } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import { type Undertaking, withinDeadline } from './deadline.js';
import type { SharedEdge } from './edge.js';
import { Emitter } from './emitter.js';
import { CutpointError, orAborted, throwIfAborted } from './errors.js';
import type { Part } from './heads/head-store.js';
import { WeightBudget } from './heads/weight-budget.js';
import { type WeightRules, weightRules } from './heads/weight-rules.js';
import { decodeImage, pixelsOf } from './image/pixels.js';
import { chooseSize } from './image/placement.js';
import { linkEvent } from './link-event.js';
import { LinkProbe } from './link-probe.js';
import { OFFLINE_ADVICE } from './recovery.js';
import { IdleFetch } from './rescue/idle-fetch.js';
import { RunnerSet } from './runner-set.js';
import type {
  DeviceChoice,
  ImageResult,
  ImageSource,
  LinkShape,
  Progress,
  RunOptions,
  Session,
  SessionEvents,
  SessionState,
  Trace,
} from './session.js';
import { type FrameSource, type StreamOptions, type StreamResult, streamFrames } from './stream.js';
import { matchFeeds, type TensorLike } from './tensors.js';
import { traceOf } from './trace.js';
import type { RunnerOptions } from './variant-runner.js';
import type { TensorMessage } from './worker/messages.js';

/** What makes later inferences faster is begun when the first one has ended, or so long after there was none. */
const FIRST_MS = 1000;

export interface SessionParts {
  readonly edge: SharedEdge;
  readonly manifest: Manifest;
  readonly choice: Omit<RunnerOptions, 'forced'>;
  /** The defaults where it is left out. */
  readonly weights?: WeightRules;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface Job extends Undertaking {
  readonly variant: Variant;
  readonly feeds: readonly TensorMessage[];
  /** Cut and codec asked for this once. */
  readonly cut: number | undefined;
  readonly codec: Codec | undefined;
  readonly objective?: Objective | undefined;
  readonly resizeMs: number;
}

/** A session of one model at one edge. */
export class ConnectedSession implements Session {
  readonly edge: SharedEdge;
  readonly #events = new Emitter<SessionEvents>();
  readonly #life = new AbortController();
  readonly #runners: RunnerSet;
  readonly #linkProbe: LinkProbe;
  readonly #idleFetch: IdleFetch;
  readonly #lastPlans = new Map<string, string>();
  readonly #unsubscribe: (() => void)[];
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  /** The first inference has ended. */
  #onFirst: () => void = () => {};
  #device: DeviceChoice;
  #nextTrace = 1;
  #lastLink = '';

  constructor({ edge, manifest, choice, weights = weightRules({}), onProgress }: SessionParts) {
    this.edge = edge;
    this.#onProgress = onProgress;
    this.#device = edge.device;
    const budget = new WeightBudget(edge.packs, weights);
    const afterFirst = new Promise<void>((resolve) => {
      this.#onFirst = resolve;
    });
    let cancelFirst = () => {};
    edge.connection.whenOnline(undefined, this.#life.signal).then(
      () => {
        cancelFirst = edge.clock.after(FIRST_MS, this.#onFirst);
      },
      () => {},
    );
    this.#runners = new RunnerSet(
      manifest,
      { ...choice, forced: undefined },
      {
        edge,
        afterFirst,
        life: this.#life.signal,
        provider: () => this.#device.kind,
        budget,
        onHead: (part) => this.#onHead(part),
        onProgress: (progress) => this.#emitProgress(progress),
        onPlan: (variant, plan, input) => this.#emitPlan(variant, plan, input),
      },
    );
    this.#linkProbe = new LinkProbe({
      connection: edge.connection,
      clock: edge.clock,
      onMeasured: () => this.#emitLink(),
      life: this.#life.signal,
    });
    this.#idleFetch = new IdleFetch({
      clock: edge.clock,
      packs: edge.packs,
      budget,
      rules: weights,
      isSettled: () => edge.link.connected && this.#runners.lastUsed?.isSettled === true,
      isLinkFree: () => edge.connection.isIdle,
      needs: () => this.#runners.lastUsed?.rescueNeeds,
      loadRuntime: () => edge.runtime.call({ type: 'load' }),
      onProgress: (progress) => this.#emitProgress(progress),
      life: this.#life.signal,
    });
    this.#unsubscribe = [
      () => cancelFirst(),
      edge.packs.events.on('notKept', (why) => this.#onNotKept(why)),
      edge.connection.events.on('state', (state) => this.#events.emit('state', state)),
      edge.connection.events.on('load', (load) => this.#events.emit('load', load)),
      edge.connection.events.on('roundTrip', () => this.#emitLink()),
      edge.runtime.events.on('restarted', (choice) => this.#onRestarted(choice)),
      edge.runtime.events.on('confirmed', (choice) => {
        // Where WebGPU cannot run this model it was measured by another one.
        if (choice.kind === this.#device.kind) this.#setDevice(choice);
      }),
    ];
  }

  get manifest(): Manifest {
    return this.#runners.manifest;
  }

  get device(): DeviceChoice {
    return this.#device;
  }

  get state(): SessionState {
    return this.#life.signal.aborted ? 'closed' : this.edge.connection.state.state;
  }

  get inputNames(): readonly string[] {
    return this.#own?.inputs.map(({ name }) => name) ?? [];
  }

  get outputNames(): readonly string[] {
    return this.#own?.outputs.map(({ name }) => name) ?? [];
  }

  /** Begins what makes later runs faster: learns the device, fetches the weights that the decision wishes for. */
  warmUp(): void {
    const variant = this.#variants('pixels')[0] ?? this.#own;
    if (!variant) return;
    this.#runners.get(variant).then(
      (runner) => runner.warmUp(),
      () => {},
    );
  }

  async run(feeds: Readonly<Record<string, TensorLike>>, options: RunOptions = {}): Promise<Record<string, Tensor>> {
    return this.#undertake(options, async (undertaking) => {
      const matched = matchFeeds(feeds, this.#variants('tensors'));
      const { outputs } = await this.#run({ ...matched, ...undertaking, ...armAsked(options), resizeMs: 0 });
      return outputs;
    });
  }

  runImage(image: ImageSource, options: RunOptions = {}): Promise<ImageResult> {
    return this.#runImage(image, options, undefined);
  }

  stream(
    source: FrameSource<ImageSource>,
    options: StreamOptions = {},
  ): AsyncGenerator<StreamResult<ImageResult>, void> {
    return streamFrames(source, (frame, signal) => this.#runImage(frame, { signal }, 'throughput'), options);
  }

  explain(): Plan | undefined {
    return this.#runners.lastUsed?.explain();
  }

  setPolicy(policy: PolicyName): void {
    this.#runners.setPolicy(policy);
  }

  forceCut(cut: number | undefined, codec?: Codec): void {
    this.#runners.force(cut === undefined ? undefined : { cut, codec });
  }

  setShape(shape: LinkShape | undefined): void {
    this.edge.setShape(shape);
  }

  on<K extends keyof SessionEvents>(event: K, listener: (value: SessionEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async close(): Promise<void> {
    if (this.#life.signal.aborted) return;
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#linkProbe.stop();
    this.#life.abort(CutpointError.closed());
    this.#runners.close();
    this.edge.release();
    this.#events.emit('state', { state: 'closed', reason: 'closed by the page' });
    this.#events.clear();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #own(): Variant | undefined {
    return this.#variants('tensors')[0] ?? this.manifest.variants[0];
  }

  #variants(kind: Variant['kind']): Variant[] {
    return this.manifest.variants.filter((variant) => variant.kind === kind);
  }

  #undertake<T>({ deadlineMs, signal }: RunOptions, work: (undertaking: Undertaking) => Promise<T>): Promise<T> {
    const advice = () => {
      const { state, reason } = this.edge.connection.state;
      return state === 'offline' ? `The edge cannot be reached (${reason}). ${OFFLINE_ADVICE}` : undefined;
    };
    const ends = this.edge.undertakings.begin();
    const limits = { deadlineMs, signal, life: this.#life.signal, advice };
    return withinDeadline(this.edge.clock, limits, work).finally(ends);
  }

  async #runImage(image: ImageSource, options: RunOptions, objective: Objective | undefined): Promise<ImageResult> {
    return this.#undertake(options, async (undertaking) => {
      const { startedAtMs, signal } = undertaking;
      const variants = this.#variants('pixels');
      const picture = await decodeImage(image);
      try {
        const sizes = variants.flatMap((variant) => (variant.image ? [{ ...variant.image, variant }] : []));
        const size = chooseSize(picture, sizes);
        if (!size) {
          throw new CutpointError(
            'no_image_input',
            `"${this.manifest.model}" takes no pictures; use \`run\` with tensors.`,
          );
        }
        const { rgb, fitting } = await pixelsOf(picture, size);
        throwIfAborted(signal);
        const feeds: TensorMessage[] = [
          { name: size.input, type: 'uint8', dims: [size.height, size.width, 3], bytes: rgb },
        ];
        const resizeMs = this.edge.clock.now() - startedAtMs;
        const job = { ...undertaking, ...armAsked(options), objective, variant: size.variant, feeds, resizeMs };
        const done = await this.#run(job);
        return { ...done, placement: fitting.placement };
      } finally {
        picture.release();
      }
    });
  }

  async #run(job: Job): Promise<{ outputs: Record<string, Tensor>; trace: Trace }> {
    this.#idleFetch.began();
    try {
      return await this.#attemptTwice(job);
    } finally {
      this.#onFirst();
      this.#idleFetch.ended();
    }
  }

  async #attemptTwice(job: Job): Promise<{ outputs: Record<string, Tensor>; trace: Trace }> {
    try {
      return await this.#attempt(job);
    } catch (error) {
      if (!(error instanceof CutpointError) || error.code !== 'stale_manifest') throw error;
      await orAborted(this.#runners.reload(job.variant), job.signal);
      const variant = this.manifest.variants.find(({ id }) => id === job.variant.id);
      if (!variant) throw error;
      return this.#attempt({ ...job, variant });
    }
  }

  async #attempt(job: Job): Promise<{ outputs: Record<string, Tensor>; trace: Trace }> {
    const { variant, feeds, cut, codec, objective, startedAtMs, endMs, resizeMs, signal } = job;
    const runner = await orAborted(this.#runners.get(variant), signal);
    this.#runners.lastUsed = runner;
    const outcome = await runner.run({ feeds, cut, codec, endMs, objective, signal });
    this.#linkProbe.watch(runner.controller);
    const endedAtMs = this.edge.clock.now();
    const facts = { model: this.manifest.model, variant: variant.id, startedAtMs, endedAtMs, resizeMs };
    const trace = traceOf({ id: this.#nextTrace++, ...facts }, outcome);
    this.#emitLink();
    this.#events.emit('trace', trace);
    // Beside what runs. When it fails, the next answer says the same.
    if (outcome.reply?.isStale) this.#runners.reload(variant).catch(() => {});
    return { outputs: outcome.outputs, trace };
  }

  #onHead({ spec, created }: Part): void {
    const { kind, build, threads } = this.#device;
    // What was asked for on WASM is in a worker of the build that has nothing else, unless an inference waits for it.
    const builtWith = spec.provider === 'wasm' && !spec.isUrgent ? 'wasm' : build;
    if (created.provider === kind && builtWith === build) return;
    const why = created.fallbackReason ?? 'the head was built there before';
    this.#setDevice({
      kind: created.provider,
      build: builtWith,
      threads,
      reason: `WebGPU cannot run this model here (${firstLine(why)}), so the CPU does (WASM).`,
    });
  }

  #onRestarted(device: DeviceChoice): void {
    const { kind, threads } = this.#device;
    this.#setDevice(device);
    if (device.kind !== kind || device.threads !== threads) this.#runners.onOtherDevice();
  }

  #setDevice(device: DeviceChoice): void {
    this.#device = device;
    this.#events.emit('device', device);
  }

  #onNotKept(why: string): void {
    const detail = `this browser keeps no weights for the next visit: ${why}`;
    this.#emitProgress({ stage: 'weights', loadedBytes: 0, totalBytes: 0, detail });
  }

  #emitProgress(progress: Progress): void {
    this.#onProgress?.(progress);
    this.#events.emit('progress', progress);
  }

  #emitPlan(variant: Variant, plan: Plan, input: DecisionInput | undefined): void {
    if (input !== undefined) this.#events.emit('decided', { variant: variant.id, plan, input });
    const now = `${plan.chosen.arm.cut}/${plan.chosen.arm.codec}/${plan.cause}`;
    if (this.#lastPlans.get(variant.id) === now) return;
    this.#lastPlans.set(variant.id, now);
    this.#events.emit('decision', plan);
  }

  #emitLink(): void {
    const { event, measured } = linkEvent(this.edge.link, this.edge.clock.now());
    if (measured === this.#lastLink) return;
    this.#lastLink = measured;
    this.#events.emit('link', event);
  }
}

function armAsked({ cut, codec }: RunOptions): Pick<Job, 'cut' | 'codec'> {
  return { cut, codec };
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
