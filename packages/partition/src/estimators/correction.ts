import type { Arm, Codec } from '../arm.js';
import { type ArmFactors, UNCORRECTED } from '../cost.js';
import { Ewma } from './ewma.js';

/** In runs of that arm. */
const HALF_LIFE = 3;
/** What was learnt of an arm is half forgotten after this time without a run: towards no correction. */
const FORGET_HALF_LIFE_MS = 120_000;
/** A single run is at most this factor off, in the logarithm: more is a stall, not the arm. */
const MAX_LOG = Math.log(3);

/**
 * How far real runs of one part of one arm are from d·head or k·tail, decaying. Profiles are timed once, on one
 * machine; an arm whose kernels suit another machine less well keeps its own factor.
 */
export class Correction {
  readonly #log = new Ewma(HALF_LIFE);
  #lastAtMs = 0;

  /** @param weight 0..1: less for a run that was compared with an uncertain prediction. */
  observe(measuredMs: number, predictedMs: number, atMs: number, weight = 1): void {
    const ratio = measuredMs / predictedMs;
    if (!(ratio > 0) || !Number.isFinite(ratio)) return;
    // Seeded with "no correction", so that one run is a hint and not a verdict.
    if (this.#log.value === undefined) this.#log.observe(0);
    this.#log.observe(Math.max(-MAX_LOG, Math.min(MAX_LOG, Math.log(ratio))), weight);
    this.#lastAtMs = atMs;
  }

  factor(nowMs: number): number {
    const log = this.#log.value;
    if (log === undefined) return 1;
    return Math.exp(log * 0.5 ** (Math.max(0, nowMs - this.#lastAtMs) / FORGET_HALF_LIFE_MS));
  }
}

/** Between runs factors fade by a sixth in this time; more often they are not worked out again. */
const REFRESH_MS = 30_000;

interface CutRuns {
  readonly head: Correction;
  readonly tail: Correction;
  runs: number;
}

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
  readonly #cuts = new Map<number, CutRuns>();
  readonly #codecs = new Map<number, CodecRuns>();
  /** Never changed in place: decisions keep what they were given. */
  #factors: readonly ArmFactors[];
  #refreshedAtMs = 0;
  readonly #moved = new Set<number>();

  constructor(arms: readonly Arm[]) {
    this.#arms = arms;
    this.#factors = arms.map(() => UNCORRECTED);
  }

  observeHead(cut: number, measuredMs: number, predictedMs: number, atMs: number): void {
    const known = this.#cut(cut);
    known.head.observe(measuredMs, predictedMs, atMs);
    known.runs += 1;
    this.#update((arm) => arm.cut === cut, atMs);
  }

  observeTail(cut: number, measuredMs: number, predictedMs: number, atMs: number, weight: number): void {
    const known = this.#cut(cut);
    known.tail.observe(measuredMs, predictedMs, atMs, weight);
    known.runs += 1;
    this.#update((arm) => arm.cut === cut, atMs);
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

  headFactor(cut: number, nowMs: number): number {
    return this.#cuts.get(cut)?.head.factor(nowMs) ?? 1;
  }

  tailFactor(cut: number, nowMs: number): number {
    return this.#cuts.get(cut)?.tail.factor(nowMs) ?? 1;
  }

  /** By index of the arm. */
  factors(nowMs: number): readonly ArmFactors[] {
    if (this.#cuts.size > 0 && Math.abs(nowMs - this.#refreshedAtMs) > REFRESH_MS) {
      this.#refreshedAtMs = nowMs;
      this.#update((arm) => this.#cuts.has(arm.cut), nowMs);
    }
    return this.#factors;
  }

  /** Indexes of the arms whose factors moved since this was asked last. */
  takeMoved(): readonly number[] {
    const moved = [...this.#moved];
    this.#moved.clear();
    return moved;
  }

  #update(concerns: (arm: Arm, index: number) => boolean, atMs: number): void {
    this.#factors = this.#factors.map((factors, index) => {
      const arm = this.#arms[index];
      if (arm === undefined || !concerns(arm, index)) return factors;
      this.#moved.add(index);
      const cut = this.#cuts.get(arm.cut);
      const codec = this.#codecs.get(index);
      return {
        head: cut?.head.factor(atMs) ?? 1,
        tail: cut?.tail.factor(atMs) ?? 1,
        bytes: codec?.bytes.value ?? 1,
        encode: codec?.encode.factor(atMs) ?? 1,
        decode: codec?.decode.factor(atMs) ?? 1,
        runs: cut?.runs ?? 0,
      };
    });
  }

  #cut(cut: number): CutRuns {
    const known = this.#cuts.get(cut) ?? { head: new Correction(), tail: new Correction(), runs: 0 };
    this.#cuts.set(cut, known);
    return known;
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
