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

  observe(measuredMs: number, predictedMs: number, atMs: number): void {
    const ratio = measuredMs / predictedMs;
    if (!(ratio > 0) || !Number.isFinite(ratio)) return;
    // Seeded with "no correction", so that one run is a hint and not a verdict.
    if (this.#log.value === undefined) this.#log.observe(0);
    this.#log.observe(Math.max(-MAX_LOG, Math.min(MAX_LOG, Math.log(ratio))));
    this.#lastAtMs = atMs;
  }

  factor(nowMs: number): number {
    const log = this.#log.value;
    if (log === undefined) return 1;
    return Math.exp(log * 0.5 ** (Math.max(0, nowMs - this.#lastAtMs) / FORGET_HALF_LIFE_MS));
  }
}

/** Between runs factors fade by 6 % in this time; more often they are not worked out again. */
const REFRESH_MS = 10_000;

/** The corrections of one part (head or tail) of every arm. */
export class Corrections {
  readonly #learnt = new Map<number, Correction>();
  /** Never changed in place: decisions keep what they were given. */
  #factors: readonly number[];
  #refreshedAtMs = 0;

  constructor(numArms: number) {
    this.#factors = Array.from({ length: numArms }, () => 1);
  }

  observe(index: number, measuredMs: number, predictedMs: number, atMs: number): void {
    const correction = this.#learnt.get(index) ?? new Correction();
    correction.observe(measuredMs, predictedMs, atMs);
    this.#learnt.set(index, correction);
    this.#factors = this.#factors.with(index, correction.factor(atMs));
  }

  factor(index: number, nowMs: number): number {
    return this.#learnt.get(index)?.factor(nowMs) ?? 1;
  }

  /** By index of the arm. */
  factors(nowMs: number): readonly number[] {
    if (this.#learnt.size > 0 && Math.abs(nowMs - this.#refreshedAtMs) > REFRESH_MS) {
      this.#refreshedAtMs = nowMs;
      this.#factors = this.#factors.map((_factor, index) => this.factor(index, nowMs));
    }
    return this.#factors;
  }
}
