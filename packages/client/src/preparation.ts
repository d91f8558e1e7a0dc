import type { Controller, Plan } from '@cutpoint/partition';
import { type Cut, type CutTable, type Pack, tensorBytes, type Variant } from '@cutpoint/protocol';
import { calibrationCut, nearestCut } from './arms.js';
import { CutpointError } from './errors.js';
import { BlockedCuts } from './heads/blocked-cuts.js';
import {
  headKey,
  headPacks,
  headSpec,
  hollowSpec,
  type Part,
  type PartSpec,
  type PartWork,
} from './heads/head-store.js';
import { nextStep } from './heads/next-step.js';
import { packBytes } from './heads/pack-store.js';
import { spareMoment } from './heads/spare-moment.js';
import type { RunnerHost } from './variant-runner.js';

/** A head that was just built is timed so often, and for no longer than so long. */
const CALIBRATION_RUNS = 12;
const CALIBRATION_MS = 600;
/** Inferences that leave no gap are disturbed once in so long, and so often at most. */
const PAUSE_MS = 400;
const RUNS_BESIDE = 5;
/** A head with more weights than this is not timed without them: it would need as much memory as with them. */
const MAX_HOLLOW_BYTES = 256 * 1024 * 1024;

/** What is prepared, and for which decisions. */
export interface PreparationParts {
  readonly host: RunnerHost;
  readonly variant: Variant;
  readonly table: CutTable;
  readonly controller: Controller;
}

/** Gets the heads of one variant ready: for a decision that wishes for one, or for an inference that needs one. */
export class Preparation {
  readonly #host: RunnerHost;
  readonly #variant: Variant;
  readonly #table: CutTable;
  readonly #controller: Controller;
  /** Cuts whose head could not be built here; not tried again. */
  readonly #broken = new Set<number>();
  /** Cuts that were timed without their weights, or could not be; once is enough. */
  readonly #timed = new Set<number>();
  readonly #blocked: BlockedCuts;
  readonly #unsubscribe: readonly (() => void)[];
  #busy = false;
  /** What follows the work under way. */
  #next: (() => Promise<void>) | undefined;

  constructor({ host, variant, table, controller }: PreparationParts) {
    this.#host = host;
    this.#variant = variant;
    this.#table = table;
    this.#controller = controller;
    this.#blocked = new BlockedCuts({ heads: host.edge.heads, runtime: host.edge.runtime, variant, controller });
    this.#unsubscribe = [
      host.edge.heads.events.on('released', ({ spec }) => {
        if (spec.kind === 'head' && spec.variant.table === variant.table) controller.setReady(spec.cut.id, false);
      }),
      host.edge.runtime.events.on('restarted', () => this.#forgetFailures()),
    ];
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#blocked.close();
  }

  /** One piece of background work at a time: it must not crowd out the inferences. Its failures are not theirs. */
  inBackground(work: () => Promise<void>): void {
    const { afterFirst, life } = this.#host;
    if (this.#busy || life.aborted || this.#host.edge.headless) return;
    this.#busy = true;
    afterFirst
      .then(() => (life.aborted ? undefined : work()))
      .catch(() => {})
      .finally(() => {
        this.#busy = false;
        const next = this.#next;
        this.#next = undefined;
        if (next) this.inBackground(next);
      });
  }

  /** The same for what nothing asks for again: it follows the work under way, unless something else is asked for, or nothing, until then. */
  soon(work: (() => Promise<void>) | undefined): void {
    this.#next = work;
    if (this.#busy || !work) return;
    this.#next = undefined;
    this.inBackground(work);
  }

  /** The cut that the device is learnt by, unless it is known. */
  async device(): Promise<void> {
    const known = this.#controller.device.estimate(this.#host.edge.clock.now());
    const allowed = await this.#allowedCuts();
    const cut = calibrationCut({ ...this.#table, cuts: allowed }, (candidate) => this.#packBytes(candidate));
    if (!cut || Number.isFinite(known.ageMs)) return;
    if (!this.#mayBeHollow(headPacks(this.#host.manifest, cut))) return this.#prepare(cut, this.#host.life);
    const hollow = await this.#timeHollow(cut);
    if (!hollow) return;
    const trial = this.#host.edge.trialOf(this.#host.manifest.model);
    // It stays built for what measures the device.
    if (trial) trial.offer({ head: hollow, work: this.#workOf(hollow) });
    else this.#host.edge.heads.release(hollow);
  }

  /** The listed cut nearest to the one asked for. */
  async nearest(id: number, signal: AbortSignal): Promise<void> {
    const cut = nearestCut(this.#table, id);
    if (cut) await this.#prepare(cut, signal);
  }

  /** Nothing is on its way, and of this plan nothing is left to be prepared. */
  isDone(plan: Plan): boolean {
    return !this.#busy && this.#isFulfilled(plan);
  }

  /** Follows the wish of a plan, and the next one, until what is wished for is there: in steps, as its weights come. */
  async wishOf(first: Plan | undefined, next: () => Plan | undefined): Promise<void> {
    const hollows: Part[] = [];
    try {
      await this.#follow(first, next, hollows);
    } finally {
      // Only now: the worker of a hollow head that goes would go with it, and the real one would need another.
      for (const hollow of hollows) this.#host.edge.heads.release(hollow);
    }
  }

  async #follow(first: Plan | undefined, next: () => Plan | undefined, hollows: Part[]): Promise<void> {
    const refused = new Set<Cut>();
    for (let plan = first; plan && !this.#host.life.aborted; plan = next()) {
      if (this.#isFulfilled(plan)) return;
      const cut = cutOf(this.#table, plan.wish.arm.cut);
      const allowed = await this.#allowedCuts();
      if (allowed.includes(cut)) {
        const step = await this.#stepTowards(plan, cut, allowed);
        if (await this.#isWorthTiming(step)) {
          const hollow = await this.#timeHollow(step);
          if (hollow) hollows.push(hollow);
        } else await this.#prepare(step, this.#host.life);
        continue;
      }
      // A forced cut is wished for all the same; whoever forced it prepares it.
      if (refused.has(cut)) return;
      refused.add(cut);
    }
  }

  /** The cut that is here soonest, for an inference that nothing can run. */
  async soonest(signal: AbortSignal): Promise<void> {
    const { cuts } = this.#table;
    const possible = cuts.filter(
      ({ id, headGraph }) => headGraph !== null && !this.#broken.has(id) && this.#controller.permits(id),
    );
    const [cut] = possible.sort((a, b) => this.#packBytes(a) - this.#packBytes(b));
    if (!cut) throw new CutpointError('runtime_failed', 'None of the heads of this model can be built here.');
    await this.#prepare(cut, signal);
  }

  #isFulfilled({ wish: { arm }, chosen }: Plan): boolean {
    return arm.cut === chosen.arm.cut || this.#controller.isReady(arm.cut) || this.#broken.has(arm.cut);
  }

  /** What is only hoped for is timed before its weights are fetched, which might be for nothing. */
  async #isWorthTiming(cut: Cut): Promise<boolean> {
    const { edge, manifest } = this.#host;
    if (cut.headGraph === null || this.#timed.has(cut.id) || !this.#controller.isHopedFor(cut.id)) return false;
    const packs = headPacks(manifest, cut);
    return this.#mayBeHollow(packs) && (await edge.packs.missing(packs)).length > 0;
  }

  #mayBeHollow(packs: readonly Pack[]): boolean {
    return packBytes(packs) <= MAX_HOLLOW_BYTES && this.#host.edge.heads.hasRoomFor({ packs });
  }

  /**
   * Learns what the head of a cut takes here, without its weights.
   * @returns `undefined` where it cannot be built like that, which says nothing of the real one
   */
  async #timeHollow(cut: Cut): Promise<Part | undefined> {
    const { edge, life } = this.#host;
    this.#timed.add(cut.id);
    let hollow: Part | undefined;
    try {
      hollow = await edge.heads.prepare(hollowSpec(this.#spec(cut)), this.#host.onProgress, life);
      this.#host.onHead(hollow);
      await this.#calibrate(hollow);
      return hollow;
    } catch (error) {
      if (hollow) edge.heads.release(hollow);
      if (error instanceof CutpointError && error.code === 'runtime_failed') return undefined;
      throw error;
    }
  }

  #spec(cut: Cut): PartSpec {
    return headSpec(this.#host.manifest, this.#variant, cut, this.#host.provider(), this.#table);
  }

  async #stepTowards(plan: Plan, wish: Cut, allowed: readonly Cut[]): Promise<Cut> {
    const { edge, manifest } = this.#host;
    const wanted = headPacks(manifest, wish);
    const missing = new Set(await edge.packs.missing(wanted));
    const step = nextStep(
      plan,
      (id) => {
        const cut = allowed.find((candidate) => candidate.id === id);
        if (!cut || this.#broken.has(id)) return undefined;
        const packs = headPacks(manifest, cut);
        // A step fetches nothing that the wish does not need.
        if (!packs.every((pack) => wanted.includes(pack))) return undefined;
        return packBytes(packs.filter((pack) => missing.has(pack)));
      },
      edge.packs.bytesPerMs,
    );
    return cutOf(this.#table, step);
  }

  /** Cuts whose weights are within what may be downloaded; the controller wishes for no other. */
  async #allowedCuts(): Promise<Cut[]> {
    const { budget, manifest } = this.#host;
    const { cuts } = this.#table;
    if (!budget.isLimited) return cuts;
    const allows = await budget.judge(manifest.packs);
    const allowed = cuts.filter((cut) => cut.headGraph === null || allows(headPacks(manifest, cut)));
    for (const cut of cuts) this.#controller.setAttainable(cut.id, allowed.includes(cut) && !this.#broken.has(cut.id));
    return allowed;
  }

  async #prepare(cut: Cut, signal: AbortSignal): Promise<void> {
    await this.#blocked.until(cut.id, signal);
    if (this.#controller.isReady(cut.id)) return;
    if (cut.headGraph === null) {
      this.#controller.setReady(cut.id, true);
      return;
    }
    const { edge, manifest } = this.#host;
    // Before its weights are fetched for nothing.
    if (edge.headless) throw edge.headless;
    const known = edge.heads.get(headKey(this.#variant, cut.id).text);
    try {
      const head = known ?? (await edge.heads.prepare(this.#spec(cut), this.#host.onProgress, signal));
      this.#host.onHead(head);
      const offer = () => edge.trialOf(manifest.model)?.offer({ head, work: this.#workOf(head) });
      // An inference has a signal of its own, and waits: the head is timed after it.
      const isAwaited = signal !== this.#host.life;
      if (isAwaited) this.inBackground(() => this.#calibrate(head).then(offer));
      else await this.#calibrate(head).then(offer);
      await this.#blocked.until(cut.id, signal);
      // It may have been released while it was timed.
      if (edge.heads.get(head.key) === head) this.#controller.setReady(cut.id, true);
    } catch (error) {
      if (error instanceof CutpointError && error.code === 'runtime_failed') {
        this.#broken.add(cut.id);
        // What is wished for instead is prepared.
        this.#controller.setAttainable(cut.id, false);
      }
      throw error;
    }
  }

  #forgetFailures(): void {
    for (const cut of this.#broken) this.#controller.setAttainable(cut, true);
    this.#broken.clear();
    this.#timed.clear();
  }

  /**
   * Times a fresh head on zeros. Its fastest run counts: WASM code gets faster for a dozen of runs, and whatever else the
   * page does meanwhile only ever adds. Real heads correct the figure from then on. It runs in the gaps between what the app
   * asks for, the reading of its pictures included: beside that it would take a core that is needed.
   */
  async #calibrate(head: Part): Promise<void> {
    const { edge, life } = this.#host;
    const { clock, undertakings } = edge.access;
    const work = this.#workOf(head);
    let [fastestMs, spentMs, beside] = [Number.POSITIVE_INFINITY, 0, 0];
    for (let run = 0; run < CALIBRATION_RUNS && spentMs < CALIBRATION_MS && beside < RUNS_BESIDE; run++) {
      if (!(await spareMoment(clock, undertakings, PAUSE_MS))) beside += 1;
      const startMs = clock.now();
      const { headMs } = await edge.heads.run(head, { ...work, isTrial: true }, life);
      spentMs += clock.now() - startMs;
      fastestMs = Math.min(fastestMs, headMs);
    }
    if (Number.isFinite(fastestMs)) this.#controller.observeHead(head.spec.cut.id, fastestMs, clock.now());
  }

  /** Zeros in, and all that crosses or is an output. */
  #workOf({ spec: { cut } }: Part): Pick<PartWork, 'feeds' | 'fetches'> {
    const feeds = this.#variant.inputs.map((input) => ({
      ...input,
      bytes: new Uint8Array(tensorBytes(input.type, input.dims)),
    }));
    const given = new Set(feeds.map(({ name }) => name));
    const fetches = [
      ...new Set([...cut.crossing.map((index) => this.#table.tensors[index]?.name), ...cut.headOutputs]),
    ];
    const named = fetches.filter((name) => name !== undefined).filter((name) => !given.has(name));
    return { feeds, fetches: named };
  }

  #packBytes(cut: Cut): number {
    return packBytes(headPacks(this.#host.manifest, cut));
  }
}

export function cutOf(table: CutTable, id: number): Cut {
  const cut = table.cuts.find((candidate) => candidate.id === id);
  if (!cut) throw new CutpointError('bad_manifest', `The cut table has no cut ${id}.`);
  return cut;
}
