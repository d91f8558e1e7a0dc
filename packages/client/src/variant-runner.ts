import { Controller, PartitionError, type Plan, type PolicyName } from '@cutpoint/partition';
import { type Cut, type CutTable, type Manifest, tensorBytes, type Variant } from '@cutpoint/protocol';
import { armsOf, calibrationCut, nearestCut } from './arms.js';
import type { SharedEdge } from './edge.js';
import { CutpointError } from './errors.js';
import { type Head, headKey, headSpec } from './heads/head-store.js';
import { type CutResult, runCut } from './run-cut.js';
import type { Progress } from './session.js';
import type { TensorMessage } from './worker/messages.js';

/** How long an inference waits for an edge that went away, when it has no deadline of its own. */
export const OFFLINE_GRACE_MS = 15_000;
/** Tries of one inference; each follows a failure that a second try may not meet. */
const MAX_TRIES = 5;
/** A full edge is asked again after this, times the tries. */
const OVERLOAD_PAUSE_MS = 100;
/** A head that was just built is timed so often, and for no longer than so long. */
const CALIBRATION_RUNS = 12;
const CALIBRATION_MS = 600;

/** What a runner needs of the session it works for. */
export interface RunnerHost {
  readonly edge: SharedEdge;
  readonly manifest: Manifest;
  /** Where heads of this model run now. */
  provider(): 'webgpu' | 'wasm';
  /** A head was built, perhaps elsewhere than asked. */
  onHead(head: Head): void;
  onProgress(progress: Progress): void;
  /** A decision was taken. */
  onPlan(plan: Plan): void;
  /** Aborted when the session is closed. */
  readonly life: AbortSignal;
}

export interface RunRequest {
  readonly feeds: readonly TensorMessage[];
  /** Cut asked for this once. */
  readonly cut: number | undefined;
  readonly deadlineMs: number | undefined;
  readonly signal: AbortSignal;
}

export interface RunOutcome extends CutResult {
  readonly plan: Plan;
  readonly cut: number;
}

/** One try of an inference, and when the last one must have ended. */
interface Try {
  readonly attempt: number;
  readonly endMs: number;
  readonly signal: AbortSignal;
}

/** Runs one variant of a model: decides, prepares what the decision wishes for, and gets each inference done. */
export class VariantRunner {
  readonly variant: Variant;
  readonly table: CutTable;
  readonly controller: Controller;
  readonly #host: RunnerHost;
  /** Cuts whose head could not be built here; not tried again. */
  readonly #broken = new Set<number>();
  readonly #unsubscribe: readonly (() => void)[];
  #forced: number | undefined;
  #preparing = false;

  constructor(host: RunnerHost, variant: Variant, table: CutTable, policy: PolicyName, forced: number | undefined) {
    this.#host = host;
    this.variant = variant;
    this.table = table;
    const { edge, manifest } = host;
    const { load, device } = edge.knowledgeOf(manifest.model);
    this.controller = new Controller(armsOf(table), { policy, link: edge.link, load, device });
    this.#unsubscribe = [
      edge.heads.events.on('released', ({ spec }) => {
        if (spec.variant.table === variant.table) this.controller.setReady(spec.cut.id, false);
      }),
      edge.runtime.events.on('restarted', () => this.#broken.clear()),
    ];
    this.force(forced);
  }

  /** Forces a cut, and begins to prepare it. */
  force(cut: number | undefined): void {
    this.#forced = cut;
    this.controller.force(cut);
    if (cut !== undefined) this.#background(() => this.#prepareNearest(cut, this.#host.life));
  }

  /** What would be decided now; changes nothing. */
  explain(): Plan | undefined {
    try {
      return this.controller.decide(this.#host.edge.clock.now(), { peek: true });
    } catch (error) {
      if (error instanceof PartitionError) return undefined;
      throw error;
    }
  }

  /** Learns the device by a small head, then prepares what the decision wishes for. */
  warmUp(): void {
    if (this.controller.policy === 'offload' || this.#forced !== undefined) return;
    this.#background(async () => {
      const known = this.controller.device.estimate(this.#host.edge.clock.now());
      const cut = calibrationCut(this.table, (candidate) => this.#packBytes(candidate));
      if (cut && !Number.isFinite(known.ageMs)) await this.#prepare(cut, this.#host.life);
      await this.#pursue(this.explain());
    });
  }

  /** Settles by the deadline, whatever stage it is in then. */
  async run(request: RunRequest): Promise<RunOutcome> {
    const { deadlineMs } = request;
    if (deadlineMs === undefined) return this.#tryUntilDone(request);
    const late = new AbortController();
    const cancel = this.#host.edge.clock.after(deadlineMs, () => late.abort());
    try {
      return await this.#tryUntilDone({ ...request, signal: AbortSignal.any([request.signal, late.signal]) });
    } catch (cause) {
      // The last try had only what was left of it; the caller knows the whole.
      const ranOut = late.signal.aborted || (cause instanceof CutpointError && cause.code === 'deadline_exceeded');
      if (!ranOut || request.signal.aborted) throw cause;
      throw new CutpointError('deadline_exceeded', `No result within ${deadlineMs} ms.`, { cause });
    } finally {
      cancel();
    }
  }

  async #tryUntilDone(request: RunRequest): Promise<RunOutcome> {
    const { clock } = this.#host.edge;
    const endMs = clock.now() + (request.deadlineMs ?? OFFLINE_GRACE_MS);
    const asked = request.cut ?? this.#forced;
    for (let attempt = 1; ; attempt++) {
      let cut: Cut | undefined;
      try {
        // Again after a failure: it may have taken the head with it.
        if (asked !== undefined) await this.#prepareNearest(asked, request.signal);
        const plan = await this.#decide(request, endMs);
        cut = this.#cut(plan.chosen.arm.cut);
        const result = await runCut(this.#host.edge, {
          table: this.table,
          cut,
          key: headKey(this.variant, cut.id),
          feeds: request.feeds,
          deadlineMs: request.deadlineMs === undefined ? undefined : Math.max(1, endMs - clock.now()),
          signal: request.signal,
        });
        this.#observe(cut, result);
        return { ...result, plan, cut: cut.id };
      } catch (error) {
        if (attempt >= MAX_TRIES || clock.now() >= endMs) throw error;
        await this.#recover(error, cut, { attempt, endMs, signal: request.signal });
      }
    }
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /** Waits for the edge when nothing can run without it. */
  async #decide(request: RunRequest, endMs: number): Promise<Plan> {
    const { edge } = this.#host;
    for (;;) {
      try {
        const plan = this.controller.decide(edge.clock.now(), request.cut === undefined ? {} : { cut: request.cut });
        this.#host.onPlan(plan);
        this.#background(() => this.#pursue(plan));
        return plan;
      } catch (error) {
        if (!(error instanceof PartitionError) || error.code !== 'no_runnable_arm' || edge.link.connected) throw error;
        await edge.connection.whenOnline(Math.max(0, endMs - edge.clock.now()), request.signal);
      }
    }
  }

  /**
   * Returns when another try makes sense; throws when it does not.
   * @param cut what was tried, or `undefined` when it did not come so far
   */
  async #recover(error: unknown, cut: Cut | undefined, { attempt, endMs, signal }: Try): Promise<void> {
    if (!(error instanceof CutpointError) || signal.aborted) throw error;
    const { edge } = this.#host;
    switch (error.code) {
      case 'edge_unreachable':
        if (edge.link.connected) return pause(edge, OVERLOAD_PAUSE_MS * attempt, signal);
        // What a forced cut needs can only come from there. Without one the next decision finishes here when the
        // whole network is ready, and else waits for the edge.
        if (!cut) await edge.connection.whenOnline(Math.max(0, endMs - edge.clock.now()), signal);
        return;
      // The next call of the runtime waits until it may be tried again.
      case 'runtime_unavailable':
        return;
      // The refusal came with a load report: the next decision knows.
      case 'overloaded':
        await pause(edge, OVERLOAD_PAUSE_MS * attempt * (0.5 + Math.random()), signal);
        return;
      case 'runtime_failed':
        if (!cut || cut.headGraph === null) throw error;
        this.controller.setReady(cut.id, false);
        return;
      default:
        throw error;
    }
  }

  #observe(cut: Cut, { headMs, reply }: CutResult): void {
    const { edge } = this.#host;
    const nowMs = edge.clock.now();
    if (cut.headGraph !== null) this.controller.observeHead(cut.id, headMs, nowMs);
    if (!reply) return;
    this.controller.observeTransfer('up', reply.arrivals, nowMs);
    this.controller.observeTransfer('down', reply.downArrivals, nowMs);
    // What neither end accounts for is the way there and back.
    const { timings, roundMs, downloadMs, wasAlone } = reply;
    if (wasAlone) this.controller.observeRoundTrip(roundMs - timings.uploadMs - timings.totalMs - downloadMs, nowMs);
    this.controller.observeTail(cut.id, timings.tailMs, nowMs);
  }

  async #prepareNearest(id: number, signal: AbortSignal): Promise<void> {
    const cut = nearestCut(this.table, id);
    if (cut) await this.#prepare(cut, signal);
  }

  /** Follows the wish of a plan, and the next one, until what is wished for is there. */
  async #pursue(first: Plan | undefined): Promise<void> {
    for (let plan = first; plan && !this.#host.life.aborted; plan = this.explain()) {
      const { arm } = plan.wish;
      if (arm.cut === plan.chosen.arm.cut || this.controller.isReady(arm.cut) || this.#broken.has(arm.cut)) return;
      await this.#prepare(this.#cut(arm.cut), this.#host.life);
    }
  }

  async #prepare(cut: Cut, signal: AbortSignal): Promise<void> {
    if (this.controller.isReady(cut.id)) return;
    if (cut.headGraph === null) {
      this.controller.setReady(cut.id, true);
      return;
    }
    const { edge, manifest } = this.#host;
    const known = edge.heads.get(headKey(this.variant, cut.id).text);
    try {
      const spec = headSpec(manifest, this.variant, cut, this.#host.provider());
      const head = known ?? (await edge.heads.prepare(spec, (progress) => this.#host.onProgress(progress), signal));
      this.#host.onHead(head);
      await this.#calibrate(head);
      // It may have been released while it was timed.
      if (edge.heads.get(head.key) === head) this.controller.setReady(cut.id, true);
    } catch (error) {
      if (error instanceof CutpointError && error.code === 'runtime_failed') this.#broken.add(cut.id);
      throw error;
    }
  }

  /**
   * Times a fresh head on zeros. Its fastest run counts: WASM code gets faster for a dozen of runs, and whatever else the
   * page does meanwhile only ever adds. Real heads correct the figure from then on.
   */
  async #calibrate(head: Head): Promise<void> {
    const { edge, life } = this.#host;
    const { cut } = head.spec;
    const feeds = this.variant.inputs.map((input) => ({
      ...input,
      bytes: new Uint8Array(tensorBytes(input.type, input.dims)),
    }));
    const given = new Set(feeds.map(({ name }) => name));
    const fetches = [...new Set([...cut.crossing.map((index) => this.table.tensors[index]?.name), ...cut.headOutputs])];
    const named = fetches.filter((name) => name !== undefined).filter((name) => !given.has(name));
    const endMs = edge.clock.now() + CALIBRATION_MS;
    let fastestMs = Number.POSITIVE_INFINITY;
    for (let run = 0; run < CALIBRATION_RUNS && edge.clock.now() < endMs; run++) {
      const { headMs } = await edge.heads.run(head, feeds, named, life);
      fastestMs = Math.min(fastestMs, headMs);
    }
    if (Number.isFinite(fastestMs)) this.controller.observeHead(cut.id, fastestMs, edge.clock.now());
  }

  /** One piece of background work at a time: it must not crowd out the inferences. Its failures are not theirs. */
  #background(work: () => Promise<void>): void {
    if (this.#preparing || this.#host.life.aborted) return;
    this.#preparing = true;
    work()
      .catch(() => {})
      .finally(() => {
        this.#preparing = false;
      });
  }

  #cut(id: number): Cut {
    const cut = this.table.cuts.find((candidate) => candidate.id === id);
    if (!cut) throw new CutpointError('bad_manifest', `The cut table has no cut ${id}.`);
    return cut;
  }

  #packBytes(cut: Cut): number {
    return cut.headPacks.reduce((sum, index) => sum + (this.#host.manifest.packs[index]?.numBytes ?? 0), 0);
  }
}

function pause(edge: SharedEdge, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      cancel();
      reject(CutpointError.aborted(signal));
    };
    const cancel = edge.clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
