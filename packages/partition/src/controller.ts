import type { Arm } from './arm.js';
import type { Conditions } from './conditions.js';
import { type DecisionMemory, decide } from './decision.js';
import { PartitionError } from './errors.js';
import { Corrections } from './estimators/correction.js';
import { DeviceFactorEstimator } from './estimators/device-factor.js';
import { type EdgeLoad, EdgeLoadTracker } from './estimators/edge-load.js';
import type { TransferSample } from './estimators/link.js';
import { LinkState } from './link-state.js';
import type { Plan } from './plan.js';
import { isPolicyName, type PolicyName, policies } from './policies/registry.js';

export interface ControllerOptions {
  /** Default `cutpoint`. */
  readonly policy?: PolicyName;
  /** Shared between all controllers of one edge. */
  readonly link?: LinkState;
  /** Shared between the variants of one model at one edge. */
  readonly load?: EdgeLoadTracker;
  /** Shared between the variants of one model on one device. */
  readonly device?: DeviceFactorEstimator;
}

export interface DecideOptions {
  /** Forces a cut (the nearest listed one) for this decision alone; what is remembered is not touched. */
  readonly cut?: number;
  /** Answers what would be decided, and remembers nothing of it. */
  readonly peek?: boolean;
  /** Decides this once as if the edge could not be reached, because it failed this inference; remembers nothing. */
  readonly withoutEdge?: boolean;
}

/**
 * Decides, for every inference, which arm runs. No clock, no I/O: each observation and each decision is given its time
 * in ms, by one clock that should be monotonic (one that steps back does no harm).
 *
 * With nothing measured it offloads everything, if the edge is connected: that needs no weights here, and is the first
 * measurement of the link.
 */
export class Controller {
  readonly arms: readonly Arm[];
  readonly link: LinkState;
  readonly load: EdgeLoadTracker;
  readonly device: DeviceFactorEstimator;
  #ready: readonly number[];
  readonly #heads: Corrections;
  readonly #tails: Corrections;
  #policy: PolicyName;
  #forced: number | undefined;
  #memory: DecisionMemory | undefined;

  /** @throws PartitionError `no_arms`, `unknown_policy` */
  constructor(arms: readonly Arm[], options: ControllerOptions = {}) {
    if (arms.length === 0) throw PartitionError.noArms();
    this.arms = arms;
    this.link = options.link ?? new LinkState();
    this.load = options.load ?? new EdgeLoadTracker();
    this.device = options.device ?? new DeviceFactorEstimator();
    this.#ready = arms.map((arm) => (arm.usesEdge && arm.cut === 0 ? 1 : 0));
    this.#heads = new Corrections(arms.length);
    this.#tails = new Corrections(arms.length);
    this.#policy = 'cutpoint';
    if (options.policy !== undefined) this.setPolicy(options.policy);
  }

  get policy(): PolicyName {
    return this.#policy;
  }

  /** @throws PartitionError `unknown_policy` */
  setPolicy(name: PolicyName): void {
    if (!isPolicyName(name)) throw PartitionError.unknownPolicy(String(name), Object.keys(policies));
    this.#policy = name;
  }

  /** Forces the listed cut nearest to `cut` until `undefined` is given. */
  force(cut: number | undefined): void {
    this.#forced = cut;
  }

  /** Full offload is ready from the start: it needs nothing on the device. */
  setReady(cut: number, ready: boolean): void {
    if (this.isReady(cut) === ready) return;
    // A new array: plans and the decision's memory keep the one that they saw.
    this.#ready = this.arms.map((arm, index) => (arm.cut === cut ? Number(ready) : (this.#ready[index] ?? 0)));
  }

  isReady(cut: number): boolean {
    return this.arms.some((arm, index) => arm.cut === cut && this.#ready[index] === 1);
  }

  observeConnection(connected: boolean): void {
    this.link.connected = connected;
  }

  observeTransfer(direction: 'up' | 'down', sample: TransferSample, atMs: number): void {
    (direction === 'up' ? this.link.uplink : this.link.downlink).observe(sample, atMs);
  }

  observeRoundTrip(roundTripMs: number, atMs: number): void {
    this.link.fixed.observe(roundTripMs, atMs);
  }

  observeLoad(load: EdgeLoad, atMs: number): void {
    this.load.observe(load, atMs);
  }

  /** A head that ran here, or a calibration run of one. Leave out the first run of a session: it compiles. */
  observeHead(cut: number, measuredMs: number, atMs: number): void {
    const index = this.#indexOf(cut);
    const arm = this.arms[index];
    if (arm === undefined || !(arm.headMs > 0)) return;
    this.device.observe(measuredMs, arm.headMs, atMs, this.#heads.factor(index, atMs));
    this.#heads.observe(index, measuredMs, this.device.estimate(atMs).value * arm.headMs, atMs);
  }

  /** A tail that ran at the edge, timed there, after the load report that came with it. */
  observeTail(cut: number, measuredMs: number, atMs: number): void {
    const index = this.#indexOf(cut);
    const arm = this.arms[index];
    if (arm === undefined || !(arm.tailMs > 0)) return;
    this.#tails.observe(index, measuredMs, this.load.k(atMs).value * arm.tailMs, atMs);
  }

  conditions(nowMs: number): Conditions {
    return {
      connected: this.link.connected,
      uplink: this.link.uplink.estimate(nowMs),
      downlink: this.link.downlink.estimate(nowMs),
      fixedMs: this.link.fixed.estimate(nowMs),
      queueMs: this.load.queue(nowMs),
      k: this.load.k(nowMs),
      d: this.device.estimate(nowMs),
    };
  }

  /** @throws PartitionError `no_runnable_arm` when no arm that is ready can run as things are */
  decide(nowMs: number, options: DecideOptions = {}): Plan {
    const conditions = this.conditions(nowMs);
    const { plan, memory } = decide({
      arms: this.arms,
      ready: this.#ready,
      headFactors: this.#heads.factors(nowMs),
      longestHeadMs: this.device.longestHeadMs,
      tailFactors: this.#tails.factors(nowMs),
      conditions: options.withoutEdge ? { ...conditions, connected: false } : conditions,
      edgeFailed: options.withoutEdge === true && conditions.connected,
      policy: this.#policy,
      forcedCut: options.cut ?? this.#forced,
      memory: this.#memory,
      nowMs,
    });
    if (options.cut === undefined && !options.peek && !options.withoutEdge) this.#memory = memory;
    return plan;
  }

  #indexOf(cut: number): number {
    return this.arms.findIndex((arm) => arm.cut === cut);
  }
}
