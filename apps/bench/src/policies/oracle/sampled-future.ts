import { type LoadLaw, meanStayMs, phaseAt, tenantChange } from '../edge/load-law.js';
import type { LoadPath } from '../edge/load-path.js';
import type { LoadSource } from '../edge/load-source.js';
import { drawServices, meanServiceMs, type ServiceDraws, type ServiceMix } from '../edge/service-mix.js';
import { Random } from '../random.js';

/** Random numbers are drawn once; a sampled future reads them from a place of its own. A power of two. */
const DRAWS = 65_536;

/** Draws that all futures of a run share. */
export class FutureDraws {
  /** Exponential with mean 1. */
  readonly gaps = new Float64Array(DRAWS);
  /** For events that are rare beside arrivals. */
  readonly stays = new Float64Array(DRAWS);
  readonly uniform = new Float64Array(DRAWS);
  readonly services: ServiceDraws;

  constructor(mix: ServiceMix, seed: number) {
    const random = new Random(seed);
    for (let index = 0; index < DRAWS; index++) {
      this.gaps[index] = random.exponential(1);
      this.stays[index] = random.exponential(1);
      this.uniform[index] = random.next();
    }
    this.services = drawServices(mix, DRAWS, random);
  }
}

/**
 * A future that the present may have, drawn from the law of the present load: who knows the state, but not what comes,
 * can do no better than take his expectation over such futures. The load is taken to stay as it is.
 */
export class SampledFuture implements LoadSource {
  readonly #path: LoadPath;
  readonly #draws: FutureDraws;
  readonly #meanServiceMs: number;
  #law: LoadLaw | undefined;
  #at = 0;
  #stay = 0;
  #running = 0;
  #tenantsAtMs = Number.POSITIVE_INFINITY;
  #isBurst = true;
  #burstAtMs = Number.POSITIVE_INFINITY;
  openAtMs = Number.POSITIVE_INFINITY;
  readonly phaseAtMs = Number.POSITIVE_INFINITY;
  closedModel = 0;

  constructor(path: LoadPath, draws: FutureDraws) {
    this.#path = path;
    this.#draws = draws;
    this.#meanServiceMs = meanServiceMs(path.mix);
  }

  /** Begins a future of its own number at this moment. */
  begin(nowMs: number, number: number): void {
    const path = this.#path;
    this.#at = Math.imul(number, 0x9e3779b1) & (DRAWS - 1);
    this.#stay = this.#at;
    this.#law = path.phases[phaseAt(path.phases, nowMs)]?.law;
    this.#running = path.tenantsAt(nowMs);
    this.#tenantsAtMs = nowMs;
    this.#drawTenants();
    this.#isBurst = path.isBurstAt(nowMs);
    const arrivals = this.#law?.arrivals;
    this.#burstAtMs =
      arrivals === undefined
        ? Number.POSITIVE_INFINITY
        : nowMs + meanStayMs(this.#isBurst, arrivals) * this.#drawStay();
    this.#drawOpen(nowMs);
  }

  get openMs(): number {
    return this.#draws.services.ms[this.#at] ?? 0;
  }

  get openModel(): number {
    return this.#draws.services.model[this.#at] ?? 0;
  }

  nextOpen(): void {
    this.#drawOpen(this.openAtMs);
  }

  closedMs(): number {
    this.#at = (this.#at + 1) & (DRAWS - 1);
    this.closedModel = this.#draws.services.model[this.#at] ?? 0;
    return this.#draws.services.ms[this.#at] ?? 0;
  }

  slowdownAt(atMs: number): number {
    while (this.#tenantsAtMs <= atMs) {
      const tenants = this.#law?.coTenants;
      if (tenants === undefined) break;
      this.#running += this.#drawUniform() < tenantChange(this.#running, tenants).grows ? 1 : -1;
      this.#drawTenants();
    }
    return 1 + this.#running;
  }

  nextPhase(): number {
    return 0;
  }

  #drawTenants(): void {
    const tenants = this.#law?.coTenants;
    this.#tenantsAtMs =
      tenants === undefined
        ? Number.POSITIVE_INFINITY
        : this.#tenantsAtMs + this.#drawStay() / tenantChange(this.#running, tenants).rate;
  }

  /** Arrivals have no memory: at a change of their rate the next one is drawn anew. */
  #drawOpen(fromMs: number): void {
    const arrivals = this.#law?.arrivals;
    if (arrivals === undefined) {
      this.openAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    let startMs = fromMs;
    for (;;) {
      this.#at = (this.#at + 1) & (DRAWS - 1);
      const work = this.#isBurst ? arrivals.on : arrivals.off;
      const nextMs = startMs + ((this.#draws.gaps[this.#at] ?? 0) * this.#meanServiceMs) / work;
      if (nextMs <= this.#burstAtMs) {
        this.openAtMs = nextMs;
        return;
      }
      startMs = this.#burstAtMs;
      this.#isBurst = !this.#isBurst;
      this.#burstAtMs = startMs + meanStayMs(this.#isBurst, arrivals) * this.#drawStay();
    }
  }

  #drawStay(): number {
    this.#stay = (this.#stay + 1) & (DRAWS - 1);
    return this.#draws.stays[this.#stay] ?? 0;
  }

  #drawUniform(): number {
    return this.#draws.uniform[this.#stay] ?? 0;
  }
}
