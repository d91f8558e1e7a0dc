import type { Arm, Codec } from './arm.js';
import { RISK } from './caution.js';
import type { Conditions, Estimate } from './conditions.js';
import { type Constraints, permits } from './constraints.js';
import {
  type ArmOutcome,
  type ControllerOptions,
  DEFAULT_EXPLORATION_BUDGET,
  type DecideOptions,
} from './controller-options.js';
import type { ArmFactors } from './cost.js';
import { type DecisionInput, type DecisionMemory, decide } from './decision.js';
import { PartitionError } from './errors.js';
import { type CodecTimes, Corrections } from './estimators/correction.js';
import { DeviceFactorEstimator } from './estimators/device-factor.js';
import { type EdgeLoad, EdgeLoadTracker } from './estimators/edge-load.js';
import type { TransferSample } from './estimators/link.js';
import { OverheadEstimator } from './estimators/overhead.js';
import { RequestRate } from './estimators/request-rate.js';
import { settleTrial } from './exploration.js';
import { LinkState } from './link-state.js';
import type { Plan } from './plan.js';
import { isPolicyName, POLICY_NAMES, type PolicyName, policies } from './policies/registry.js';
import { PROBE_BYTES, PROBE_RESERVE_BYTES, wantsProbe } from './probe.js';
import type { Pruner } from './pruner.js';
import { READY, UNATTAINABLE, UNREADY } from './readiness.js';
import type { Signal } from './signals.js';
import { UplinkAllowance } from './uplink-allowance.js';
import { isBeyondReach } from './wish.js';

/**
 * Decides, for every inference, which arm runs. No clock, no I/O: each observation and each decision is given its time
 * in ms, by one clock that should be monotonic (one that steps back does no harm).
 *
 * With nothing measured it offloads everything, if the edge is connected: that needs no weights here, and is the first
 * measurement of the link.
 */
export class Controller {
  readonly arms: readonly Arm[];
  readonly device: DeviceFactorEstimator;
  readonly #options: ControllerOptions;
  #constraints: Constraints;
  readonly #corrections: Corrections;
  readonly #pruner: Pruner | undefined;
  #allowance: UplinkAllowance;
  readonly #requests = new RequestRate();
  readonly #overhead = new OverheadEstimator();
  #link: LinkState;
  #load: EdgeLoadTracker;
  /** Profiled ms of the whole network on the device. */
  readonly #wholeHeadMs: number;
  #factors: readonly ArmFactors[] = [];
  #ready: readonly number[];
  #policy: PolicyName = 'cutpoint';
  #policyState: readonly number[] = [];
  #forced: { readonly cut: number; readonly codec: Codec | undefined } | undefined;
  #memory: DecisionMemory | undefined;
  #lastInput: DecisionInput | undefined;

  /** @throws PartitionError `no_arms`, `unknown_policy` */
  constructor(arms: readonly Arm[], options: ControllerOptions = {}) {
    if (arms.length === 0) throw PartitionError.noArms();
    this.arms = arms;
    this.#link = options.link ?? new LinkState();
    this.#load = options.load ?? new EdgeLoadTracker();
    this.device = options.device ?? new DeviceFactorEstimator();
    this.#options = options;
    this.#constraints = options.constraints ?? {};
    this.#ready = arms.map((arm) => (arm.usesEdge && arm.cut === 0 ? READY : UNREADY));
    this.#corrections = new Corrections(arms);
    this.#pruner = options.pruner?.(arms, () => this.#factors);
    this.#wholeHeadMs = Math.max(...arms.map(({ headMs }) => headMs));
    this.#allowance = new UplinkAllowance(this.#constraints.maxUplinkBytesPerSecond);
    if (options.policy !== undefined) this.setPolicy(options.policy);
  }

  /** Of the edge in use. */
  get link(): LinkState {
    return this.#link;
  }

  get load(): EdgeLoadTracker {
    return this.#load;
  }

  get policy(): PolicyName {
    return this.#policy;
  }

  /** @throws PartitionError `unknown_policy` */
  setPolicy(name: PolicyName): void {
    if (!isPolicyName(name)) throw PartitionError.unknownPolicy(String(name), POLICY_NAMES);
    if (name !== this.#policy) this.#policyState = [];
    this.#policy = name;
  }

  /** In place of all that was asked for before. */
  setConstraints(constraints: Constraints): void {
    // A limit that stays keeps its debts.
    if (constraints.maxUplinkBytesPerSecond !== this.#constraints.maxUplinkBytesPerSecond) {
      this.#allowance = new UplinkAllowance(constraints.maxUplinkBytesPerSecond);
    }
    this.#constraints = constraints;
  }

  /** Forces the listed cut nearest to `cut` until `undefined` is given. */
  force(cut: number | undefined, codec?: Codec): void {
    this.#forced = cut === undefined ? undefined : { cut, codec };
  }

  /** Full offload is ready from the start: it needs nothing on the device. */
  setReady(cut: number, ready: boolean): void {
    if (this.isReady(cut) === ready) return;
    this.#setReadiness(cut, ready ? READY : UNREADY);
  }

  /** Whether this cut may be wished for, while it is not ready: its weights may be more than the app allows. */
  setAttainable(cut: number, attainable: boolean): void {
    if (!this.isReady(cut)) this.#setReadiness(cut, attainable ? UNREADY : UNATTAINABLE);
  }

  /** Whether the constraints allow any arm of this cut at all. */
  permits(cut: number): boolean {
    return this.arms.some((arm) => arm.cut === cut && permits(this.#constraints, arm));
  }

  /** Whether the time of this head is only hoped for: nothing that ran here speaks for it. */
  isHopedFor(cut: number): boolean {
    return this.arms.some((arm) => arm.cut === cut && isBeyondReach(arm, this.device.longestHeadMs));
  }

  isReady(cut: number): boolean {
    return this.arms.some((arm, index) => arm.cut === cut && this.#ready[index] === READY);
  }

  observeConnection(connected: boolean): void {
    this.link.connected = connected;
  }

  observeTransfer(direction: 'up' | 'down', sample: TransferSample, atMs: number): void {
    this.link.observe(direction, sample, atMs);
    this.#tidy(atMs);
  }

  observeRoundTrip(roundTripMs: number, atMs: number): void {
    this.link.fixed.observe(roundTripMs, atMs);
  }

  observeLoad(load: EdgeLoad, atMs: number): void {
    this.load.observe(load, atMs);
  }

  /** A head that ran here, or a calibration run of one. Leave out the first run of a session: it compiles. */
  observeHead(cut: number, measuredMs: number, atMs: number): void {
    const arm = this.arms.find((candidate) => candidate.cut === cut);
    if (arm === undefined || !(arm.headMs > 0)) return;
    const correction = this.#corrections.headFactor(cut);
    this.device.observe(measuredMs, arm.headMs, atMs, { correction, wholeMs: this.#wholeHeadMs });
    const d = this.device.estimate(atMs);
    this.#corrections.observeHead(cut, measuredMs, d.value * arm.headMs, atMs, steadiness(d));
    this.#tidy(atMs);
  }

  /** Heads run on another device from now on: what was learnt of them says nothing any more. */
  forgetHeads(atMs: number): void {
    this.device.forget();
    this.#corrections.forgetHeads(atMs);
    this.#tidy(atMs);
  }

  /** Tails run at another edge from now on: what was learnt of them, and of the arm to stay with, says nothing any more. */
  moveTo({ link, load }: Pick<Controller, 'link' | 'load'>, atMs: number): void {
    this.#link = link;
    this.#load = load;
    this.#policyState = [];
    this.#memory = undefined;
    this.#corrections.forgetTails(atMs);
    this.#tidy(atMs);
  }

  /** A tail that ran at the edge, timed there, after the load report that came with it. */
  observeTail(cut: number, measuredMs: number, atMs: number): void {
    const arm = this.arms.find((candidate) => candidate.cut === cut);
    if (arm === undefined || !(arm.tailMs > 0)) return;
    const k = this.load.k(atMs);
    this.#corrections.observeTail(cut, measuredMs, k.value * arm.tailMs, atMs, steadiness(k));
    this.#tidy(atMs);
  }

  /** All bytes that an inference sent up: what a codec makes of the content, and what the uplink's limit counts. */
  observeBytes(cut: number, codec: Codec, numBytes: number, atMs: number): void {
    this.#allowance.sent(numBytes, atMs);
    this.#corrections.observeBytes(cut, codec, numBytes, atMs);
  }

  observeCodec(cut: number, codec: Codec, times: CodecTimes, atMs: number): void {
    this.#corrections.observeCodec(cut, codec, times, atMs);
  }

  /** What an inference took in the page beside its stages. */
  observeOverhead(overheadMs: number, atMs: number): void {
    this.#overhead.observe(overheadMs, atMs);
  }

  /** How a whole inference went: what a trial cost, and what policies learn that learn by trying. */
  observeOutcome(outcome: ArmOutcome): void {
    const index = this.arms.findIndex(({ cut, codec }) => cut === outcome.cut && codec === outcome.codec);
    const arm = this.arms[index];
    if (arm === undefined) return;
    const { learn } = policies[this.#policy];
    if (learn) this.#policyState = learn(this.#policyState, arm, outcome, this.arms);
    if (this.#memory !== undefined) {
      const exploration = settleTrial(this.#memory.exploration, index, outcome.totalMs);
      this.#memory = { ...this.#memory, exploration };
    }
  }

  conditions(nowMs: number): Conditions {
    const { link, load, device } = this;
    const conditions = {
      connected: link.connected,
      uplink: link.uplink.estimate(nowMs),
      downlink: link.downlinkEstimate(nowMs),
      fixedMs: link.fixed.estimate(nowMs),
      slowStartMs: link.slowStartMs(nowMs),
      queueMs: load.queue(nowMs),
      announcedMs: load.announcedMs(nowMs),
      busy: load.busy,
      residualMs: load.residualMs(nowMs),
      k: load.k(nowMs),
      kWithQueue: load.kWithQueue(nowMs),
      gpuUtilisation: load.gpuUtilisation,
      d: device.estimate(nowMs),
      overheadMs: this.#overhead.estimate(nowMs),
      ahead: this.#options.ahead?.(nowMs),
    };
    return this.#options.without?.conditions(conditions) ?? conditions;
  }

  /** @throws PartitionError `no_runnable_arm` when no arm that is ready can run as things are */
  decide(nowMs: number, options: DecideOptions = {}): Plan {
    const isOwn = options.cut === undefined && !options.peek && !options.withoutEdge;
    if (isOwn) this.#requests.asked(nowMs);
    const input = this.#inputAt(nowMs, options);
    const { plan, memory } = decide(input, this.#pruner);
    if (isOwn) this.#memory = memory;
    if (!options.peek) this.#lastInput = input;
    return plan;
  }

  /** All that the last decision depended on, to be kept: `replay` makes the same plan of it. A peek is none. */
  get lastInput(): DecisionInput | undefined {
    return this.#lastInput;
  }

  /**
   * A probe that is worth sending now, or `undefined`: the uplink was not measured for a while, and what it may have
   * become would change the decision. Its bytes are taken from the budget for probes; feed what it shows to
   * `observeTransfer` and `observeRoundTrip`.
   */
  probe(nowMs: number): { readonly numBytes: number } | undefined {
    if (this.#policy !== 'cutpoint' || this.#lacks('probes')) return undefined;
    const input = this.#inputAt(nowMs, {});
    if (!wantsProbe(input, this.link, nowMs)) return undefined;
    const reserve = this.link.uplink.isSurprised ? 0 : PROBE_RESERVE_BYTES;
    if (!this.link.budget.takeProbe(PROBE_BYTES, reserve, nowMs)) return undefined;
    this.#allowance.sent(PROBE_BYTES, nowMs);
    return { numBytes: PROBE_BYTES };
  }

  #inputAt(nowMs: number, options: DecideOptions): DecisionInput {
    const conditions = this.conditions(nowMs);
    this.#factors = this.#lacks('corrections') ? [] : this.#corrections.factors(nowMs);
    this.#pruner?.moved(this.#corrections.takeMoved());
    return {
      arms: this.arms,
      ready: this.#ready,
      factors: this.#factors,
      longestHeadMs: this.device.longestHeadMs,
      conditions: options.withoutEdge ? { ...conditions, connected: false } : conditions,
      edgeFailed: options.withoutEdge === true && conditions.connected,
      policy: this.#policy,
      constraints: this.#constraints,
      objective: options.objective ?? this.#options.objective ?? 'latency',
      uplinkAllowance: this.#allowance.bytes(nowMs),
      explorationBudget: this.#lacks('exploration')
        ? 0
        : (this.#options.explorationBudget ?? DEFAULT_EXPLORATION_BUDGET),
      risk: this.#lacks('risk') ? 0 : RISK,
      clients: this.#lacks('stagger') ? 1 : this.load.clients,
      requestRate: this.#requests.perMs(nowMs),
      policyState: this.#policyState,
      deadlineMs: options.deadlineMs ?? this.#constraints.deadlineMs,
      forcedCut: options.cut ?? this.#forced?.cut,
      forcedCodec: options.cut === undefined ? this.#forced?.codec : options.codec,
      memory: this.#memory,
      seed: this.#options.seed ?? 1,
      nowMs,
    };
  }

  /** After an inference, when nobody waits for a decision. */
  #tidy(atMs: number): void {
    this.#factors = this.#lacks('corrections') ? [] : this.#corrections.factors(atMs);
    this.#pruner?.moved(this.#corrections.takeMoved());
    this.#pruner?.rebuildIfStale(atMs);
  }

  #lacks(signal: Signal): boolean {
    return this.#options.without?.lacks(signal) ?? false;
  }

  #setReadiness(cut: number, readiness: number): void {
    if (!this.arms.some((arm, index) => arm.cut === cut && this.#ready[index] !== readiness)) return;
    // A new array: plans and the decision's memory keep the one that they saw.
    this.#ready = this.arms.map((arm, index) => (arm.cut === cut ? readiness : (this.#ready[index] ?? UNREADY)));
  }
}

/** Relative uncertainty of d or k at which a run says as much of the arm as of the factor. */
const STEADY = 0.1;

/** 0..1: while d or k moves, a run says more of it than of the arm. */
function steadiness({ value, uncertainty }: Estimate): number {
  return 1 / (1 + (uncertainty / value / STEADY) ** 2);
}
