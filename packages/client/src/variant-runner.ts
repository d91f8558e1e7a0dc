import {
  type Arm,
  type Codec,
  type Constraints,
  Controller,
  type DecideOptions,
  type DecisionInput,
  type Objective,
  PartitionError,
  type Plan,
  type PolicyName,
} from '@cutpoint/partition';
import type { Cut, CutTable, Manifest, Variant } from '@cutpoint/protocol';
import { defaultMaxAccuracyDrop } from './codec/accuracy.js';
import { DEFAULT_CONNECT_OPTIONS } from './defaults.js';
import type { SharedEdge } from './edge.js';
import { CutpointError } from './errors.js';
import type { FirstRun } from './first-runs.js';
import { headKey, type Part } from './heads/head-store.js';
import type { WeightBudget } from './heads/weight-budget.js';
import { observedUpload } from './observed-upload.js';
import { cutOf, Preparation } from './preparation.js';
import { Recovery } from './recovery.js';
import { type Finished, Rescue, type RescueNeeds } from './rescue/rescue.js';
import { type CutResult, runCut } from './run-cut.js';
import type { Progress } from './session.js';
import type { TensorMessage } from './worker/messages.js';

/** What a runner needs of the session it works for. */
export interface RunnerHost {
  readonly edge: SharedEdge;
  readonly manifest: Manifest;
  /** Where heads of this model run now. */
  provider(): 'webgpu' | 'wasm';
  /** Of the session's downloads of weights. */
  readonly budget: WeightBudget;
  /** A head or another part was built, perhaps elsewhere than asked. */
  onHead(part: Part): void;
  onProgress(progress: Progress): void;
  /** A decision was taken, which depended on `input` alone. */
  onPlan(plan: Plan, input: DecisionInput | undefined): void;
  /** No first result is waited for any more: until then nothing is fetched that it does not need. */
  readonly afterFirst: Promise<void>;
  /** Aborted when the session is closed. */
  readonly life: AbortSignal;
}

/** What a runner is made of. */
export interface RunnerParts {
  readonly host: RunnerHost;
  readonly variant: Variant;
  readonly table: CutTable;
  readonly arms: readonly Arm[];
  readonly options: RunnerOptions;
}

/** What the app chose for all of a model's variants. */
export interface RunnerOptions {
  readonly policy: PolicyName;
  readonly forced: ForcedArm | undefined;
  readonly objective: Objective;
  /** Without `maxAccuracyDrop` the variant's own default, see {@link defaultMaxAccuracyDrop}. */
  readonly constraints: Constraints;
}

/** A cut that a person or the app set, and the codec there if that was said too. */
export interface ForcedArm {
  readonly cut: number;
  readonly codec: Codec | undefined;
}

export interface RunRequest {
  readonly feeds: readonly TensorMessage[];
  /** Cut and codec asked for this once. */
  readonly cut: number | undefined;
  readonly codec: Codec | undefined;
  /** When the result becomes worthless, by the clock of the edge; {@link signal} is aborted then. */
  readonly endMs: number | undefined;
  /** Of this inference; the session's own where it is left out. */
  readonly objective?: Objective | undefined;
  readonly signal: AbortSignal;
  /** The app's span. */
  readonly traceparent?: string | undefined;
}

export interface RunOutcome extends CutResult {
  readonly plan: Plan;
  readonly cut: number;
  readonly codec: Codec;
  /** The edge had failed it, or would have been late: what the page ran in its place. */
  readonly rescued: Finished['kind'] | undefined;
}

interface RunTimes {
  readonly totalMs: number;
  /** No other inference was under way. */
  readonly wasAlone: boolean;
  readonly endedAtMs: number;
}

/** Runs one variant of a model: decides, prepares what the decision wishes for, and gets each inference done. */
export class VariantRunner {
  readonly variant: Variant;
  readonly table: CutTable;
  readonly controller: Controller;
  readonly #host: RunnerHost;
  readonly #preparation: Preparation;
  readonly #rescue: Rescue;
  #underWay = Promise.resolve();
  #lastCut: number | undefined;
  #forced: ForcedArm | undefined;

  constructor({ host, variant, table, arms, options }: RunnerParts) {
    this.#host = host;
    this.variant = variant;
    this.table = table;
    const { edge, manifest } = host;
    const { policy, objective, forced } = options;
    const { load, device } = edge.knowledgeOf(manifest.model);
    this.controller = new Controller(arms, {
      policy,
      objective,
      constraints: this.#withDefaults(options.constraints, arms),
      // Clients that see the same load must not throw the same dice.
      seed: Math.floor(Math.random() * 2 ** 32),
      link: edge.link,
      load,
      device,
      ahead: () => edge.ahead(variant),
    });
    const parts = { host, variant, table, controller: this.controller };
    this.#preparation = new Preparation(parts);
    this.#rescue = new Rescue(parts);
    this.force(forced);
  }

  setConstraints(constraints: Constraints): void {
    this.controller.setConstraints(this.#withDefaults(constraints, this.controller.arms));
  }

  /** Forces a cut, and begins to prepare it. */
  force(forced: ForcedArm | undefined): void {
    this.#forced = forced;
    this.controller.force(forced?.cut, forced?.codec);
    this.#preparation.soon(forced && (() => this.#preparation.nearest(forced.cut, this.#host.life)));
  }

  /** Another edge is in use. */
  onOtherEdge(): void {
    const { edge, manifest } = this.#host;
    const { load } = edge.knowledgeOf(manifest.model);
    this.controller.moveTo({ link: edge.link, load }, edge.clock.now());
  }

  /** What would be decided now; changes nothing. */
  explain(): Plan | undefined {
    return this.#plan({ peek: true });
  }

  /** Whatever the decisions wish for is here, or will not be. */
  get isSettled(): boolean {
    const plan = this.explain();
    return plan !== undefined && this.#preparation.isDone(plan);
  }

  /** What a local finish of inferences like the last one would need. */
  get rescueNeeds(): RescueNeeds | undefined {
    const cut = this.table.cuts.find(({ id }) => id === this.#lastCut);
    return cut && this.#rescue.needsOf(cut);
  }

  /** Learns the device by a small head, then prepares what the decision wishes for. */
  warmUp(): void {
    if (this.controller.policy === 'offload' || this.#forced !== undefined) return;
    this.#preparation.inBackground(async () => {
      await this.#preparation.device();
      await this.#preparation.wishOf(this.explain(), () => this.explain());
    });
  }

  run(request: RunRequest): Promise<RunOutcome> {
    const run = this.#run(request);
    this.#underWay = Promise.allSettled([this.#underWay, run]).then(() => {});
    return run;
  }

  /** Resolves when what is under way now has ended. */
  get settled(): Promise<void> {
    return this.#underWay;
  }

  async #run(request: RunRequest): Promise<RunOutcome> {
    const { edge, manifest, onProgress } = this.#host;
    const { controller } = this;
    const { endMs, signal, feeds, traceparent } = request;
    const recovery = new Recovery({ edge, controller, model: manifest.model, onProgress, endMs, signal });
    const asked = request.cut ?? this.#forced?.cut;
    let failures = 0;
    for (;;) {
      let cut: Cut | undefined;
      try {
        // Again after a failure: it may have taken the head with it.
        if (asked !== undefined && !recovery.refusal) await this.#prepareAsked(asked, signal);
        // Nothing is waited for from here until its work is with the workers: the next decision has to see it there.
        const plan = this.#decide(request, recovery);
        if (!plan) {
          await this.#untilRunnable(recovery, signal);
          continue;
        }
        const { arm } = plan.chosen;
        cut = cutOf(this.table, arm.cut);
        const startMs = edge.clock.now();
        const ends = edge.overlap.begin();
        let wasAlone = false;
        const result = await runCut(edge, {
          table: this.table,
          cut,
          codec: arm.codec,
          terms: plan.chosen.terms,
          key: headKey(this.variant, cut.id),
          feeds,
          deadlineMs: endMs === undefined ? undefined : Math.max(1, endMs - edge.clock.now()),
          signal,
          traceparent,
          rescue: this.#rescue,
          failures,
        }).finally(() => {
          wasAlone = ends();
        });
        const endedAtMs = edge.clock.now();
        this.#observe(cut, arm.codec, result, { totalMs: endedAtMs - startMs, wasAlone, endedAtMs });
        this.#lastCut = cut.id;
        const { finished } = result;
        const again = failures > 0 && cut.tailGraph === null ? 'feeds' : undefined;
        return { ...result, plan, cut: finished?.cut ?? cut.id, codec: arm.codec, rescued: finished?.kind ?? again };
      } catch (error) {
        await recovery.after(error, cut);
        if (cut && cut.tailGraph !== null && !isOfRuntime(error)) failures += 1;
      }
    }
  }

  /** As if it had been an inference of its own. */
  learnFrom({ codec, outputs, encodeMs, bytesUp, reply, endedAtMs }: FirstRun): void {
    const whole = this.table.cuts.find(({ id }) => id === 0);
    const result = { outputs, waitMs: 0, headMs: 0, encodeMs, bytesUp, reply };
    const times = { totalMs: encodeMs + reply.roundMs, wasAlone: false, endedAtMs };
    this.#lastCut ??= 0;
    if (whole && this.controller.arms.some((arm) => arm.cut === 0 && arm.codec === codec)) {
      this.#observe(whole, codec, result, times);
    }
  }

  close(): void {
    this.#preparation.close();
    this.#rescue.close();
  }

  #withDefaults(
    {
      keepInputOnDevice = DEFAULT_CONNECT_OPTIONS.keepInputOnDevice,
      maxAccuracyDrop,
      maxUplinkBytesPerSecond,
      codecs,
      deadlineMs,
    }: Constraints,
    arms: readonly Arm[],
  ): Constraints {
    const { kind } = this.variant;
    return {
      keepInputOnDevice,
      maxAccuracyDrop: maxAccuracyDrop ?? defaultMaxAccuracyDrop(kind, arms, this.#host.manifest.task),
      maxUplinkBytesPerSecond,
      codecs,
      deadlineMs,
    };
  }

  /** Without the edge the whole network will do, if the head that was asked for can only come from there. */
  async #prepareAsked(asked: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#preparation.nearest(asked, signal);
    } catch (error) {
      const isAway =
        error instanceof CutpointError && error.code === 'edge_unreachable' && !this.#host.edge.link.connected;
      if (!isAway || !(this.#rescue.isWholeReady || (await this.#rescue.prepareWhole(signal)))) throw error;
    }
  }

  /** @returns `undefined` when nothing can run as things are */
  #decide({ cut, codec, endMs, objective }: RunRequest, recovery: Recovery): Plan | undefined {
    const plan = this.#plan({
      cut,
      codec,
      deadlineMs: endMs === undefined ? undefined : Math.max(0, endMs - this.#host.edge.clock.now()),
      objective,
      withoutEdge: recovery.refusal !== undefined,
    });
    if (plan) {
      this.#host.onPlan(plan, this.controller.lastInput);
      this.#preparation.inBackground(() => this.#preparation.wishOf(plan, () => this.explain()));
    }
    return plan;
  }

  #plan(options: DecideOptions): Plan | undefined {
    try {
      return this.controller.decide(this.#host.edge.clock.now(), options);
    } catch (error) {
      if (error instanceof PartitionError) return undefined;
      throw error;
    }
  }

  /** Waits for the edge when nothing can run without it, and for a head when nothing can run with it. */
  async #untilRunnable(recovery: Recovery, signal: AbortSignal): Promise<void> {
    const { link } = this.#host.edge;
    const isWithout = recovery.refusal !== undefined || !link.connected;
    if (isWithout && (await this.#rescue.prepareWhole(signal))) return;
    if (recovery.refusal) throw recovery.refusal;
    await (link.connected ? this.#preparation.soonest(signal) : recovery.untilOnline());
  }

  #observe(
    cut: Cut,
    codec: Codec,
    { waitMs, headMs, encodeMs, bytesUp, reply, finished }: CutResult,
    { totalMs, wasAlone, endedAtMs: nowMs }: RunTimes,
  ): void {
    const { edge } = this.#host;
    if (cut.headGraph !== null) this.controller.observeHead(cut.id, headMs, nowMs);
    if (finished?.kind === 'feeds') this.controller.observeHead(finished.cut, finished.runMs, nowMs);
    // The rest would say something of an arm that nobody chose.
    if (finished) return;
    if (!reply) {
      if (wasAlone) this.controller.observeOverhead(totalMs - waitMs - headMs, nowMs);
      this.controller.observeOutcome({ cut: cut.id, codec, totalMs, headMs, queueMs: 0, tailMs: 0 });
      return;
    }
    const { downArrivals, downIdleMs } = reply;
    this.controller.observeTransfer('up', observedUpload(reply, bytesUp, edge.link.fixed.leastMs), nowMs);
    this.controller.observeTransfer('down', { ...downArrivals, idleMs: downIdleMs }, nowMs);
    // What neither end accounts for is the way there and back.
    const { timings, roundMs, downloadMs } = reply;
    if (reply.wasAlone)
      this.controller.observeRoundTrip(roundMs - timings.uploadMs - timings.totalMs - downloadMs, nowMs);
    this.controller.observeTail(cut.id, timings.tailMs, nowMs);
    this.controller.observeBytes(cut.id, codec, bytesUp, nowMs);
    this.controller.observeCodec(cut.id, codec, { encodeMs, decodeMs: timings.decodeMs }, nowMs);
    const { queueMs, tailMs } = timings;
    // Beside others it is mostly waiting for the worker and for a turn on the connection.
    if (wasAlone) this.controller.observeOverhead(totalMs - waitMs - headMs - encodeMs - roundMs, nowMs);
    this.controller.observeOutcome({ cut: cut.id, codec, totalMs, headMs, queueMs, tailMs });
  }
}

/** The head failed, not the edge. */
function isOfRuntime(error: unknown): boolean {
  return error instanceof CutpointError && (error.code === 'runtime_failed' || error.code === 'runtime_unavailable');
}
