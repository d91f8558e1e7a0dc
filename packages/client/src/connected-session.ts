import type { Codec, DecisionInput, Objective, Plan, PolicyName } from '@cutpoint/partition';
import type { Manifest, Variant } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import { type Undertaking, withDeadline, withinDeadline } from './deadline.js';
import type { SharedEdge } from './edge.js';
import { Emitter } from './emitter.js';
import { CutpointError, orAborted, throwIfAborted } from './errors.js';
import type { FirstRun } from './first-runs.js';
import type { Part } from './heads/head-store.js';
import { WeightBudget } from './heads/weight-budget.js';
import { type WeightRules, weightRules } from './heads/weight-rules.js';
import { decodeImage, drawImage, pixelsOf } from './image/pixels.js';
import { servedSize } from './image/served-size.js';
import { linkEvent } from './link-event.js';
import { LinkProbe } from './link-probe.js';
import { ownVariant, variantsOf } from './manifest-variants.js';
import { IdleFetch } from './rescue/idle-fetch.js';
import { RunnerSet } from './runner-set.js';
import type {
  DeviceChoice,
  ImageResult,
  ImageSource,
  Progress,
  RunOptions,
  SessionConstraints,
  SessionEvents,
  Trace,
} from './session.js';
import { type FrameSource, type StreamOptions, type StreamResult, streamFrames } from './stream.js';
import { matchFeeds, type TensorLike } from './tensors.js';
import { traceOf } from './trace.js';
import type { RunnerOptions } from './variant-runner.js';
import type { TensorMessage } from './worker/messages.js';

/** Of a page in which nothing can run heads. */
const NO_DEVICE: DeviceChoice = { kind: 'wasm', build: 'wasm', threads: 1, reason: 'Nothing here can run heads.' };

export interface SessionParts {
  readonly edge: SharedEdge;
  readonly manifest: Manifest;
  readonly choice: RunnerOptions;
  /** The defaults where it is left out. */
  readonly weights?: WeightRules;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** What the edge ran whole before this session was there. */
  readonly firstRuns?: readonly FirstRun[];
  /** No first result is waited for any more. */
  readonly firstEnded: Promise<void>;
  /** Counts the inferences of the page's session. */
  readonly takeTraceId: () => number;
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

/** A session of one model at one edge, with all that decides and runs heads. The page holds it through `ClientSession`. */
export class ConnectedSession {
  readonly edge: SharedEdge;
  readonly #events = new Emitter<SessionEvents>();
  readonly #life = new AbortController();
  readonly #runners: RunnerSet;
  readonly #linkProbe: LinkProbe;
  readonly #idleFetch: IdleFetch;
  readonly #lastPlans = new Map<string, string>();
  readonly #unsubscribe: (() => void)[];
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  #device: DeviceChoice | undefined;
  readonly #takeTraceId: () => number;
  readonly #firstRuns: readonly FirstRun[];
  #lastLink = '';

  constructor(parts: SessionParts) {
    const { edge, manifest, choice, weights = weightRules({}), firstRuns = [], firstEnded } = parts;
    this.edge = edge;
    this.#onProgress = parts.onProgress;
    this.#takeTraceId = parts.takeTraceId;
    this.#firstRuns = firstRuns;
    this.#device = edge.device;
    const budget = new WeightBudget(edge.packs, weights);
    this.#runners = new RunnerSet(manifest, choice, {
      edge,
      firstRuns,
      afterFirst: firstEnded,
      life: this.#life.signal,
      provider: () => this.#device?.kind ?? 'wasm',
      budget,
      onHead: (part) => this.#onHead(part),
      onProgress: (progress) => this.#emitProgress(progress),
      onPlan: (variant, plan, input) => this.#emitPlan(variant, plan, input),
    });
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
      isSettled: () => edge.link.connected && !edge.headless && this.#runners.lastUsed?.isSettled === true,
      isLinkFree: () => edge.connection.isIdle,
      needs: () => this.#runners.lastUsed?.rescueNeeds,
      loadRuntime: () => edge.runtime.call({ type: 'load' }),
      onProgress: (progress) => this.#emitProgress(progress),
      life: this.#life.signal,
    });
    if (firstRuns.length > 0) {
      // As after any inference: what a local finish needs comes in an idle moment.
      this.#idleFetch.began();
      this.#idleFetch.ended();
    }
    this.#unsubscribe = [
      edge.packs.events.on('notKept', (why) => this.#onNotKept(why)),
      edge.access.choice.events.on('moved', () => this.#onMoved()),
      edge.connection.events.on('roundTrip', () => this.#emitLink()),
      edge.runtime.events.on('restarted', (choice) => this.#onRestarted(choice)),
      edge.runtime.events.on('confirmed', (choice) => {
        // Where WebGPU cannot run this model it was measured by another one.
        if (choice.kind === this.#device?.kind) this.#setDevice(choice);
      }),
    ];
  }

  get manifest(): Manifest {
    return this.#runners.manifest;
  }

  get device(): DeviceChoice {
    return this.#device ?? NO_DEVICE;
  }

  /** Begins what makes later runs faster: learns the device, fetches the weights that the decision wishes for. */
  warmUp(): void {
    // What was asked for before will be asked for again.
    const variant =
      this.#firstRuns.at(-1)?.variant ?? variantsOf(this.manifest, 'pixels')[0] ?? ownVariant(this.manifest);
    if (!variant) return;
    this.#runners.get(variant).then(
      (runner) => runner.warmUp(),
      () => {},
    );
  }

  /** @returns all outputs */
  run(feeds: Readonly<Record<string, TensorLike>>, options: RunOptions = {}): Promise<Record<string, Tensor>> {
    return this.#undertake(options, async (undertaking) => {
      const matched = matchFeeds(feeds, variantsOf(this.manifest, 'tensors'));
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
    const { traceparent } = options;
    const run = (frame: ImageSource, signal: AbortSignal) =>
      this.#runImage(frame, { signal, traceparent }, 'throughput');
    return streamFrames(source, run, options);
  }

  explain(): Plan | undefined {
    return this.#runners.lastUsed?.explain();
  }

  setPolicy(policy: PolicyName): void {
    this.#runners.setPolicy(policy);
  }

  setConstraints(constraints: SessionConstraints): void {
    this.#runners.setConstraints(constraints);
  }

  forceCut(cut: number | undefined, codec?: Codec): void {
    this.#runners.force(cut === undefined ? undefined : { cut, codec });
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
    this.#events.clear();
  }

  #undertake<T>(asked: RunOptions, work: (undertaking: Undertaking) => Promise<T>): Promise<T> {
    const { access, clock } = this.edge;
    const ends = access.undertakings.begin();
    const options = withDeadline(asked, this.#runners.constraints);
    const limits = { ...options, life: this.#life.signal, advice: () => access.advice };
    return withinDeadline(clock, limits, work).finally(ends);
  }

  async #runImage(image: ImageSource, options: RunOptions, objective: Objective | undefined): Promise<ImageResult> {
    return this.#undertake(options, async (undertaking) => {
      const { startedAtMs, signal } = undertaking;
      const picture = await decodeImage(image);
      try {
        const size = servedSize(this.manifest, picture);
        const drawn = await drawImage(picture, size);
        throwIfAborted(signal);
        const feeds: TensorMessage[] = [
          { name: size.input, type: 'uint8', dims: [size.height, size.width, 3], bytes: pixelsOf(drawn) },
        ];
        const resizeMs = this.edge.clock.now() - startedAtMs;
        const job = { ...undertaking, ...armAsked(options), objective, variant: size.variant, feeds, resizeMs };
        const done = await this.#run(job);
        return { ...done, placement: drawn.fitting.placement };
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
    const { variant, startedAtMs, traceparent, resizeMs } = job;
    const runner = await orAborted(this.#runners.get(variant), job.signal);
    this.#runners.lastUsed = runner;
    const outcome = await runner.run(job);
    this.#linkProbe.watch(runner.controller);
    const endedAtMs = this.edge.clock.now();
    const facts = { model: this.manifest.model, variant: variant.id, startedAtMs, traceparent, endedAtMs, resizeMs };
    const trace = traceOf({ id: this.#takeTraceId(), ...facts }, outcome);
    this.#emitLink();
    this.#events.emit('trace', trace);
    // Beside what runs. When it fails, the next answer says the same.
    if (outcome.reply?.isStale) this.#runners.reload(variant).catch(() => {});
    return { outputs: outcome.outputs, trace };
  }

  #onHead({ spec, created }: Part): void {
    if (!this.#device) return;
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
    const before = this.#device;
    this.#setDevice(device);
    if (device.kind !== before?.kind || device.threads !== before.threads) this.#runners.onOtherDevice();
  }

  #onMoved(): void {
    this.#runners.onOtherEdge();
    this.#emitLink();
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
    const { event, measured } = linkEvent(this.edge.link, this.edge.baseUrl.href, this.edge.clock.now());
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
