/** Share of a new tail in the estimate: three slow tails in a row move it by two thirds. */
const SAMPLE_WEIGHT = 0.3;
/** When no tail runs, what was learnt of the load fades: half of the distance to 1 is gone after this time. */
const IDLE_HALF_LIFE_MS = 5_000;
/**
 * Of shorter tails a good part is the thread waking up, which is no load: one of 0.3 ms showed k = 2.7 on an idle edge.
 * Whatever slows them down is nothing beside the network either.
 */
const MIN_PROFILED_MS = 1;

/** What was profiled of a tail. */
export interface ProfiledTail {
  /** Names the tail, whatever model it belongs to. */
  readonly graph: string;
  readonly tailMs: number;
  /** `false`: `tailMs` lies between those of timed neighbours, and says how long the tail takes only roughly. */
  readonly timed: boolean;
}

/**
 * LoADPart's k, per model: measured ÷ profiled run time of recent tails, 1 when idle. Only tails that were timed move it:
 * what an interpolated profile is wrong by is no load. For those it is learnt apart what they take.
 */
export class LoadFactors {
  readonly #clock: () => number;
  /** Of tails with an interpolated profile, by graph: run time with the load of that moment taken out. */
  readonly #untimedMs = new Map<string, number>();
  readonly #factors = new Map<string, { value: number; atMs: number }>();

  /** @param clock monotonic, in ms. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  observe(model: string, tail: ProfiledTail, measuredMs: number): void {
    const before = this.get(model);
    if (!tail.timed) {
      const idleMs = measuredMs / Math.max(1, before);
      const known = this.#untimedMs.get(tail.graph) ?? idleMs;
      this.#untimedMs.set(tail.graph, known + SAMPLE_WEIGHT * (idleMs - known));
      return;
    }
    if (tail.tailMs < MIN_PROFILED_MS) return;
    const value = before + SAMPLE_WEIGHT * (measuredMs / tail.tailMs - before);
    this.#factors.set(model, { value, atMs: this.#clock() });
  }

  /** ms that a tail takes without load: its profile, or what was learnt of one that was never timed. */
  idleMs({ graph, tailMs }: ProfiledTail): number {
    return this.#untimedMs.get(graph) ?? tailMs;
  }

  get(model: string): number {
    const known = this.#factors.get(model);
    if (known === undefined) return 1;
    const idleMs = this.#clock() - known.atMs;
    return 1 + (known.value - 1) * 2 ** (-idleMs / IDLE_HALF_LIFE_MS);
  }
}
