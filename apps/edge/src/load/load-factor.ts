/** Share of a new tail in the estimate: three slow tails in a row move it by two thirds. */
const SAMPLE_WEIGHT = 0.3;
/** When no tail runs, what was learnt of the load fades: half of the distance to 1 is gone after this time. */
const IDLE_HALF_LIFE_MS = 5_000;
/** Below this the clock and the thread say more about the ratio than the load does. */
const MIN_PROFILED_MS = 0.05;

/** LoADPart's k, per model: measured ÷ profiled run time of recent tails, 1 when idle. */
export class LoadFactors {
  readonly #clock: () => number;
  readonly #factors = new Map<string, { value: number; atMs: number }>();

  /** @param clock monotonic, in ms. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  observe(model: string, measuredMs: number, profiledMs: number): void {
    if (profiledMs < MIN_PROFILED_MS) return;
    const before = this.get(model);
    const value = before + SAMPLE_WEIGHT * (measuredMs / profiledMs - before);
    this.#factors.set(model, { value, atMs: this.#clock() });
  }

  get(model: string): number {
    const known = this.#factors.get(model);
    if (known === undefined) return 1;
    const idleMs = this.#clock() - known.atMs;
    return 1 + (known.value - 1) * 2 ** (-idleMs / IDLE_HALF_LIFE_MS);
  }
}
