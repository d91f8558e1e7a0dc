import type { Arm, Codec } from '../arm.js';
import { type ArmFactors, UNCORRECTED } from '../cost.js';
import { Ewma } from './ewma.js';

/** In runs of that arm. */
const HALF_LIFE = 3;
/** What was learnt of an arm is half forgotten after this time without a run: towards no correction. */
const FORGET_HALF_LIFE_MS = 120_000;
/** A single run moves what is believed by at most this factor, in the logarithm: more is a stall, until it comes again. */
const MAX_LOG = Math.log(3);

/**
 * How far real runs of one part of one arm are from d·head or k·tail, decaying. Profiles are timed once, on one
 * machine; an arm whose kernels suit another machine less well keeps its own factor.
 */
export class Correction {
  readonly #log = new Ewma(HALF_LIFE);
  #runs = 0;
  #lastAtMs = 0;

  /** @param weight 0..1: less for a run that was compared with an uncertain prediction. */
  observe(measuredMs: number, predictedMs: number, atMs: number, weight = 1): void {
    const ratio = measuredMs / predictedMs;
    if (!(ratio > 0) || !Number.isFinite(ratio) || !(weight > 0)) return;
    const value = this.#log.value ?? 0;
    this.#log.observe(value + Math.max(-MAX_LOG, Math.min(MAX_LOG, Math.log(ratio) - value)), weight);
    this.#runs += weight;
    this.#lastAtMs = atMs;
  }

  /**
   * 0..1: what was believed before counts as one more run, so that one run is a hint and not a verdict; and what was
   * learnt is forgotten.
   */
  confidence(nowMs: number): number {
    const keep = 0.5 ** (1 / HALF_LIFE);
    const learnt = (1 - keep ** this.#runs) / (1 - keep ** (this.#runs + 1));
    return learnt * 0.5 ** (Math.max(0, nowMs - this.#lastAtMs) / FORGET_HALF_LIFE_MS);
  }

  /** @param prior what is believed without these runs */
  factor(nowMs: number, prior = 1): number {
    const confidence = this.confidence(nowMs);
    return Math.exp(confidence * (this.#log.value ?? 0) + (1 - confidence) * Math.log(prior));
  }
}

interface Part {
  readonly cut: number;
  readonly profiledMs: number;
  readonly correction: Correction;
}

/** A part that ran, with what it takes beyond its profile. */
interface Knot {
  readonly profiledMs: number;
  readonly excessMs: number;
}

/**
 * The corrections of all heads, or of all tails.
 *
 * Heads contain each other: what one takes beyond its profile the longer ones take too, and the shorter ones a part of
 * it. So the excess of a head that never ran is taken from those that did: in proportion to its time between two of them,
 * and beyond the longest as much as that one. Where layers err independently, with variances in proportion to their
 * times, this is the expectation (a Brownian bridge). It is also what is believed of a head that did run, as far as its
 * own runs are few or old. Tails contain each other as well.
 */
export class NestedCorrections {
  readonly #parts = new Map<number, Part>();
  #knots: readonly Knot[] = [];

  observe(part: { readonly cut: number; readonly profiledMs: number }, run: Run): void {
    const known = this.#parts.get(part.cut) ?? { ...part, correction: new Correction() };
    this.#parts.set(part.cut, known);
    known.correction.observe(run.measuredMs, run.predictedMs, run.atMs, run.weight);
    this.refresh(run.atMs);
  }

  /** Lets time pass over what was learnt. */
  refresh(nowMs: number): void {
    const surestFirst = [...this.#parts.values()].sort(
      (a, b) => b.correction.confidence(nowMs) - a.correction.confidence(nowMs),
    );
    this.#knots = [];
    for (const { profiledMs, correction } of surestFirst) {
      const factor = correction.factor(nowMs, this.factor(profiledMs));
      const knot = { profiledMs, excessMs: (factor - 1) * profiledMs };
      this.#knots = [...this.#knots, knot].sort((a, b) => a.profiledMs - b.profiledMs);
    }
  }

  /** Of a part that takes so long by its profile. */
  factor(profiledMs: number): number {
    if (!(profiledMs > 0)) return 1;
    let below: Knot = NO_TIME;
    for (const knot of this.#knots) {
      if (knot.profiledMs >= profiledMs) return 1 + between(below, knot, profiledMs) / profiledMs;
      below = knot;
    }
    return 1 + below.excessMs / profiledMs;
  }
}

const NO_TIME: Knot = { profiledMs: 0, excessMs: 0 };

function between(below: Knot, above: Knot, profiledMs: number): number {
  const spanMs = above.profiledMs - below.profiledMs;
  const share = spanMs > 0 ? (profiledMs - below.profiledMs) / spanMs : 1;
  return below.excessMs + (above.excessMs - below.excessMs) * share;
}

/** One run of a head or a tail. */
interface Run {
  readonly measuredMs: number;
  readonly predictedMs: number;
  readonly atMs: number;
  readonly weight?: number;
}

/** What runs of other cuts say of an arm is taken over when it moves by this share: less is not worth a new frontier. */
const LEAST_MOVE = 0.01;

/** Between runs factors fade by a sixth in this time; more often they are not worked out again. */
const REFRESH_MS = 30_000;

/** How long a codec took, in ms. */
export interface CodecTimes {
  readonly encodeMs: number;
  readonly decodeMs: number;
}

interface CodecRuns {
  readonly bytes: Ewma;
  readonly encode: Correction;
  readonly decode: Correction;
}

/** The corrections of every arm: heads and tails belong to a cut, bytes and times of a codec to one arm. */
export class Corrections {
  readonly #arms: readonly Arm[];
  #heads = new NestedCorrections();
  #tails = new NestedCorrections();
  /** How often head or tail ran, by cut. */
  readonly #runs = new Map<number, number>();
  readonly #codecs = new Map<number, CodecRuns>();
  /** Never changed in place: decisions keep what they were given. */
  #factors: readonly ArmFactors[];
  #refreshedAtMs = 0;
  readonly #moved = new Set<number>();

  constructor(arms: readonly Arm[]) {
    this.#arms = arms;
    this.#factors = arms.map(() => UNCORRECTED);
  }

  observeHead(cut: number, measuredMs: number, predictedMs: number, atMs: number, weight = 1): void {
    const part = { cut, profiledMs: this.#armOf(cut)?.headMs ?? 0 };
    this.#observe(this.#heads, part, { measuredMs, predictedMs, atMs, weight });
  }

  forgetHeads(atMs: number): void {
    this.#heads = new NestedCorrections();
    this.#update(() => true, atMs);
  }

  /** And how long they take to be decoded there; what a codec makes of the content stays. */
  forgetTails(atMs: number): void {
    this.#tails = new NestedCorrections();
    for (const [index, runs] of this.#codecs) this.#codecs.set(index, { ...runs, decode: new Correction() });
    this.#update(() => true, atMs);
  }

  observeTail(cut: number, measuredMs: number, predictedMs: number, atMs: number, weight: number): void {
    const part = { cut, profiledMs: this.#armOf(cut)?.tailMs ?? 0 };
    this.#observe(this.#tails, part, { measuredMs, predictedMs, atMs, weight });
  }

  observeBytes(cut: number, codec: Codec, numBytes: number, atMs: number): void {
    const index = this.#indexOf(cut, codec);
    const profiled = this.#arms[index]?.bytesUp ?? 0;
    if (!(profiled > 0) || !(numBytes > 0)) return;
    this.#codec(index).bytes.observe(numBytes / profiled);
    this.#update((_arm, at) => at === index, atMs);
  }

  observeCodec(cut: number, codec: Codec, measured: CodecTimes, atMs: number): void {
    const index = this.#indexOf(cut, codec);
    const arm = this.#arms[index];
    if (arm === undefined) return;
    // The first picture is encoded and decoded by code that is not warm: a correction takes one run as a hint.
    const { encode, decode } = this.#codec(index);
    encode.observe(measured.encodeMs, arm.encodeMs ?? 0, atMs);
    decode.observe(measured.decodeMs, arm.decodeMs ?? 0, atMs);
    this.#update((_arm, at) => at === index, atMs);
  }

  headFactor(cut: number): number {
    return this.#heads.factor(this.#armOf(cut)?.headMs ?? 0);
  }

  /** By index of the arm. */
  factors(nowMs: number): readonly ArmFactors[] {
    if (this.#runs.size > 0 && Math.abs(nowMs - this.#refreshedAtMs) > REFRESH_MS) {
      this.#refreshedAtMs = nowMs;
      this.#heads.refresh(nowMs);
      this.#tails.refresh(nowMs);
      this.#update(() => true, nowMs);
    }
    return this.#factors;
  }

  /** Indexes of the arms whose factors moved since this was asked last. */
  takeMoved(): readonly number[] {
    const moved = [...this.#moved];
    this.#moved.clear();
    return moved;
  }

  #observe(parts: NestedCorrections, part: { readonly cut: number; readonly profiledMs: number }, run: Run): void {
    if (!(part.profiledMs > 0)) return;
    parts.observe(part, run);
    this.#runs.set(part.cut, (this.#runs.get(part.cut) ?? 0) + 1);
    this.#update((arm) => arm.cut === part.cut, run.atMs);
  }

  /** @param concerns arms that take over everything; of others what moved by little is left as it is */
  #update(concerns: (arm: Arm, index: number) => boolean, atMs: number): void {
    this.#factors = this.#factors.map((before, index) => {
      const arm = this.#arms[index];
      if (arm === undefined) return before;
      const head = this.#heads.factor(arm.headMs);
      const tail = this.#tails.factor(arm.tailMs);
      if (!concerns(arm, index) && isNear(head, before.head) && isNear(tail, before.tail)) return before;
      this.#moved.add(index);
      const codec = this.#codecs.get(index);
      return {
        head,
        tail,
        bytes: codec?.bytes.value ?? 1,
        encode: codec?.encode.factor(atMs) ?? 1,
        decode: codec?.decode.factor(atMs) ?? 1,
        runs: this.#runs.get(arm.cut) ?? 0,
      };
    });
  }

  #armOf(cut: number): Arm | undefined {
    return this.#arms.find((arm) => arm.cut === cut);
  }

  #codec(index: number): CodecRuns {
    const known = this.#codecs.get(index) ?? {
      bytes: new Ewma(HALF_LIFE),
      encode: new Correction(),
      decode: new Correction(),
    };
    this.#codecs.set(index, known);
    return known;
  }

  #indexOf(cut: number, codec: Codec): number {
    return this.#arms.findIndex((arm) => arm.cut === cut && arm.codec === codec);
  }
}

function isNear(factor: number, before: number): boolean {
  return Math.abs(factor / before - 1) < LEAST_MOVE;
}
