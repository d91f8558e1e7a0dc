import { Random } from '../random.js';
import { type LoadPhase, meanStayMs, tenantChange } from './load-law.js';
import type { LoadSource } from './load-source.js';
import { drawServices, meanServiceMs, type ServiceDraws, type ServiceMix } from './service-mix.js';

/** Draws for closed-loop clients; after so many they are used again. */
const CLOSED_DRAWS = 8_192;

/** A quantity over time: from `startsMs[i]` on it is `values[i]`. */
interface Steps {
  readonly startsMs: Float64Array;
  readonly values: Float64Array;
}

/**
 * One realisation of the background load of a whole run. It is the same for every policy: arrivals and co-tenants do not
 * depend on what we send.
 */
export class LoadPath {
  readonly phases: readonly LoadPhase[];
  readonly mix: ServiceMix;
  /** Arrivals through the queue: when, how much work when idle, of which network. */
  readonly openAtMs: Float64Array;
  readonly open: ServiceDraws;
  readonly closed: ServiceDraws;
  /** Running co-tenants, and whether a burst of arrivals lasts. */
  readonly tenants: Steps;
  readonly burst: Steps;

  constructor(phases: readonly LoadPhase[], mix: ServiceMix, seed: number) {
    const random = new Random(seed);
    this.phases = phases;
    this.mix = mix;
    this.tenants = tenantsOf(phases, random);
    this.burst = burstsOf(phases, random);
    this.openAtMs = arrivalsOf(phases, this.burst, meanServiceMs(mix), random);
    this.open = drawServices(mix, this.openAtMs.length, random);
    this.closed = drawServices(mix, CLOSED_DRAWS, random);
  }

  tenantsAt(atMs: number): number {
    return valueAt(this.tenants, atMs);
  }

  isBurstAt(atMs: number): boolean {
    return valueAt(this.burst, atMs) === 1;
  }

  /** Share of `fromMs`..`toMs` in which at least one co-tenant runs. */
  tenantShare(fromMs: number, toMs: number): number {
    const { startsMs, values } = this.tenants;
    let busyMs = 0;
    for (let index = indexAt(startsMs, fromMs); index < startsMs.length; index++) {
      const startMs = Math.max(fromMs, startsMs[index] ?? 0);
      if (startMs >= toMs) break;
      const endMs = Math.min(toMs, startsMs[index + 1] ?? Number.POSITIVE_INFINITY);
      if ((values[index] ?? 0) > 0) busyMs += endMs - startMs;
    }
    return busyMs / (toMs - fromMs);
  }
}

/** A place in a {@link LoadPath}. */
export class PathCursor implements LoadSource {
  readonly path: LoadPath;
  #open = 0;
  #closed = 0;
  #tenants = 0;
  #phase = 0;
  openAtMs: number;
  phaseAtMs: number;

  constructor(path: LoadPath) {
    this.path = path;
    this.openAtMs = path.openAtMs[0] ?? Number.POSITIVE_INFINITY;
    this.phaseAtMs = path.phases[0]?.startMs ?? Number.POSITIVE_INFINITY;
  }

  copyFrom(other: PathCursor): void {
    this.#open = other.#open;
    this.#closed = other.#closed;
    this.#tenants = other.#tenants;
    this.#phase = other.#phase;
    this.openAtMs = other.openAtMs;
    this.phaseAtMs = other.phaseAtMs;
  }

  get openMs(): number {
    return this.path.open.ms[this.#open] ?? 0;
  }

  get openModel(): number {
    return this.path.open.model[this.#open] ?? 0;
  }

  nextOpen(): void {
    this.#open++;
    this.openAtMs = this.path.openAtMs[this.#open] ?? Number.POSITIVE_INFINITY;
  }

  closedModel = 0;

  closedMs(): number {
    const index = this.#closed++ % CLOSED_DRAWS;
    this.closedModel = this.path.closed.model[index] ?? 0;
    return this.path.closed.ms[index] ?? 0;
  }

  slowdownAt(atMs: number): number {
    const { startsMs, values } = this.path.tenants;
    while ((startsMs[this.#tenants + 1] ?? Number.POSITIVE_INFINITY) <= atMs) this.#tenants++;
    return 1 + (values[this.#tenants] ?? 0);
  }

  nextPhase(): number {
    const clients = this.path.phases[this.#phase]?.law.closedClients ?? 0;
    this.#phase++;
    this.phaseAtMs = this.path.phases[this.#phase]?.startMs ?? Number.POSITIVE_INFINITY;
    return clients;
  }
}

function tenantsOf(phases: readonly LoadPhase[], random: Random): Steps {
  return stepsOf(phases, ({ law }, push) => {
    const { coTenants } = law;
    if (coTenants === undefined) return push(0, Number.POSITIVE_INFINITY);
    const { count, onMs, offMs } = coTenants;
    let running = 0;
    for (let tenant = 0; tenant < count; tenant++) running += random.next() < onMs / (onMs + offMs) ? 1 : 0;
    for (let isOver = false; !isOver; ) {
      const { rate, grows } = tenantChange(running, coTenants);
      isOver = push(running, random.exponential(1 / rate));
      running += random.next() < grows ? 1 : -1;
    }
    return true;
  });
}

function burstsOf(phases: readonly LoadPhase[], random: Random): Steps {
  return stepsOf(phases, ({ law }, push) => {
    const { arrivals } = law;
    if (arrivals === undefined || !Number.isFinite(arrivals.onMs)) return push(1, Number.POSITIVE_INFINITY);
    let isOn = random.next() < arrivals.onMs / (arrivals.onMs + arrivals.offMs);
    for (let isOver = false; !isOver; isOn = !isOn) {
      isOver = push(isOn ? 1 : 0, random.exponential(meanStayMs(isOn, arrivals)));
    }
    return true;
  });
}

/** Steps of all phases; `fill` pushes values with how long they hold until `push` says that the phase is over. */
function stepsOf(
  phases: readonly LoadPhase[],
  fill: (phase: LoadPhase, push: (value: number, stayMs: number) => boolean) => boolean,
): Steps {
  const startsMs: number[] = [];
  const values: number[] = [];
  for (const phase of phases) {
    let atMs = phase.startMs;
    fill(phase, (value, stayMs) => {
      startsMs.push(atMs);
      values.push(value);
      atMs += stayMs;
      return atMs >= phase.endMs;
    });
  }
  return { startsMs: Float64Array.from(startsMs), values: Float64Array.from(values) };
}

/** Poisson arrivals whose rate follows the bursts. */
function arrivalsOf(phases: readonly LoadPhase[], burst: Steps, serviceMs: number, random: Random): Float64Array {
  const atMs: number[] = [];
  for (const { law, startMs, endMs } of phases) {
    if (law.arrivals === undefined) continue;
    for (let index = indexAt(burst.startsMs, startMs); index < burst.startsMs.length; index++) {
      const fromMs = Math.max(startMs, burst.startsMs[index] ?? 0);
      if (fromMs >= endMs) break;
      const toMs = Math.min(endMs, burst.startsMs[index + 1] ?? Number.POSITIVE_INFINITY);
      const work = burst.values[index] === 1 ? law.arrivals.on : law.arrivals.off;
      if (!(work > 0)) continue;
      const meanGapMs = serviceMs / work;
      for (let next = fromMs + random.exponential(meanGapMs); next < toMs; next += random.exponential(meanGapMs)) {
        atMs.push(next);
      }
    }
  }
  return Float64Array.from(atMs);
}

function valueAt({ startsMs, values }: Steps, atMs: number): number {
  return values[indexAt(startsMs, atMs)] ?? 0;
}

function indexAt(startsMs: Float64Array, atMs: number): number {
  let low = 0;
  let high = startsMs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((startsMs[middle] ?? 0) <= atMs) low = middle;
    else high = middle - 1;
  }
  return low;
}
