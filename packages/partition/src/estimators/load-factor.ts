/** Share of a new tail in the estimate: three slow tails in a row move it by two thirds. */
const SAMPLE_WEIGHT = 0.3;
/**
 * Tails that come one by one count for more: what was known before the pause has lost half of its weight after this time,
 * and never more than half, because the first tail after a pause may be slow for being the first. At one a second (a
 * canary's pace) three of them take nine tenths of a step.
 */
const RECENT_HALF_LIFE_MS = 2_000;
const LEAST_KEPT = (1 - SAMPLE_WEIGHT) / 2;
/** When no tail runs for longer than this, what was learnt of the load fades: half of the distance to 1 each half-life. */
const FRESH_MS = 1_500;
const IDLE_HALF_LIFE_MS = 3_500;
/**
 * Of shorter tails a good part is the thread waking up, which is no load: one of 0.3 ms showed k = 2.7 on an idle edge.
 * Whatever slows them down is nothing beside the network either.
 */
export const MIN_PROFILED_MS = 1;

/** What was profiled of a tail. */
export interface ProfiledTail {
  /** Names the tail, whatever model it belongs to. */
  readonly graph: string;
  readonly tailMs: number;
  /** `false`: `tailMs` lies between those of timed neighbours, and says how long the tail takes only roughly. */
  readonly timed: boolean;
}

/** How one run of a tail went at the edge. */
export interface MeasuredTail {
  readonly tailMs: number;
  /** ms that it waited for a worker; left out for a canary, whose waiting is nobody's. */
  readonly queueMs?: number;
}

/** A factor that is 1 when idle. */
class FadingFactor {
  #value = 1;
  #atMs = Number.NEGATIVE_INFINITY;

  observe(ratio: number, nowMs: number): void {
    const before = this.at(nowMs);
    const kept = (1 - SAMPLE_WEIGHT) * halved(nowMs - this.#atMs, RECENT_HALF_LIFE_MS);
    // The very first tail has the idle edge to be weighed against.
    const keep = this.#isNew ? 1 - SAMPLE_WEIGHT : Math.max(LEAST_KEPT, kept);
    this.#value = ratio + keep * (before - ratio);
    this.#atMs = nowMs;
  }

  at(nowMs: number): number {
    return 1 + (this.#value - 1) * halved(nowMs - this.#atMs - FRESH_MS, IDLE_HALF_LIFE_MS);
  }

  get atMs(): number {
    return this.#atMs;
  }

  get #isNew(): boolean {
    return this.#atMs === Number.NEGATIVE_INFINITY;
  }
}

/**
 * LoADPart's k (Liu et al., ICDCS 2022), per model: measured ÷ profiled run time of recent tails, 1 when idle. Only tails
 * that were timed move it: what an interpolated profile is wrong by is no load. For those it is learnt apart what they
 * take.
 *
 * All times in ms, `nowMs` by one clock.
 */
export class LoadFactors {
  /** Of tails with an interpolated profile, by graph: run time with the load of that moment taken out. */
  readonly #untimedMs = new Map<string, number>();
  readonly #running = new Map<string, FadingFactor>();
  readonly #waitingAndRunning = new Map<string, FadingFactor>();

  observe(model: string, tail: ProfiledTail, measured: MeasuredTail, nowMs: number): void {
    if (!tail.timed) {
      const idleMs = measured.tailMs / Math.max(1, this.k(model, nowMs));
      const known = this.#untimedMs.get(tail.graph) ?? idleMs;
      this.#untimedMs.set(tail.graph, known + SAMPLE_WEIGHT * (idleMs - known));
      return;
    }
    if (!(tail.tailMs >= MIN_PROFILED_MS)) return;
    factorOf(this.#running, model).observe(measured.tailMs / tail.tailMs, nowMs);
    if (measured.queueMs === undefined) return;
    factorOf(this.#waitingAndRunning, model).observe((measured.queueMs + measured.tailMs) / tail.tailMs, nowMs);
  }

  /** ms that a tail takes without load: its profile, or what was learnt of one that was never timed. */
  idleMs({ graph, tailMs }: ProfiledTail): number {
    return this.#untimedMs.get(graph) ?? tailMs;
  }

  /** A tail will not run any more. */
  forget(graph: string): void {
    this.#untimedMs.delete(graph);
  }

  k(model: string, nowMs: number): number {
    return this.#running.get(model)?.at(nowMs) ?? 1;
  }

  /**
   * (Waiting + run) ÷ profiled time of recent tails: what k is where, as at LoADPart's server, tails run side by side and
   * the measured time has the waiting in it.
   */
  kWithQueue(model: string, nowMs: number): number {
    return this.#waitingAndRunning.get(model)?.at(nowMs) ?? 1;
  }

  /** When k of this model was last measured; minus infinity if never. */
  measuredAtMs(model: string): number {
    return this.#running.get(model)?.atMs ?? Number.NEGATIVE_INFINITY;
  }
}

function factorOf(factors: Map<string, FadingFactor>, model: string): FadingFactor {
  const known = factors.get(model) ?? new FadingFactor();
  factors.set(model, known);
  return known;
}

/** What is left of 1 after so long; a clock that was set back lets nothing grow. */
function halved(passedMs: number, halfLifeMs: number): number {
  return 2 ** (-Math.max(0, passedMs) / halfLifeMs);
}
