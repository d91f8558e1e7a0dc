import { lowerHull } from './hull.js';

/**
 * Everything of one arm that its latency depends on, each entry multiplied by a coefficient that is the same for all arms
 * and not negative under any conditions: `[head·headFactor, encode, decode, usesEdge, bytesUp, tail·tailFactor, bytesDown]`
 * and, per round of TCP's slow start, 1 where `bytesUp` is more than what the windows before it hold.
 */
export type FeaturesOf = (arm: number) => ArrayLike<number>;

/**
 * The arms that can have the lowest latency. As long as latency is a sum of features with non-negative coefficients, the
 * first lowest of `active` is the first lowest of all arms, whatever the coefficients.
 *
 * What does not fit that form scans all arms: `throughput` (a maximum of stages), deadlines, constraints, readiness, any
 * subset of the arms at all.
 *
 * The queue delay left on arrival is linear on each side of a bend. A queue that *grows* to the rest of a running tail
 * costs the smaller of two linear functionals, and the least of a minimum of functionals is the least of one of them: the
 * hull holds. A queue that *drains* costs the largest of several, of which a mix of arms can be low in all and each of its arms
 * high in one: there the hull holds if the least cost among the active arms is no more than what the least values of the
 * functionals among them allow (`frontierSuffices`). (Each functional is a lower bound of the cost of every arm, and has its least value over all arms at
 * an active one.) Otherwise all arms have to be scanned. Taking the drained share off the head's coefficient for the
 * local arm too keeps the functional a lower bound, so it needs no feature of its own.
 */
export class Frontier {
  readonly #featuresOf: FeaturesOf;
  readonly #isActive: Uint8Array;
  /** Of each arm that is not active, the arms that cover it; each was active when that was found. */
  readonly #certificates = new Map<number, readonly number[]>();
  /** Of each arm, those whose certificate names it. */
  readonly #covered = new Map<number, Set<number>>();
  #active: readonly number[] = [];
  #stale = 0;

  constructor(numArms: number, featuresOf: FeaturesOf) {
    this.#featuresOf = featuresOf;
    this.#isActive = new Uint8Array(numArms).fill(1);
    this.#active = [...this.#isActive.keys()];
    this.rebuild();
  }

  /** Indexes of the arms to look at, ascending. The same object until something changes. */
  get active(): readonly number[] {
    return this.#active;
  }

  /** How many arms came back since the last {@link rebuild}, without being known to be of use. */
  get stale(): number {
    return this.#stale;
  }

  /**
   * A correction changed the features of an arm: it and all whose certificate rested on it are looked at again. What rested
   * on one of those still stands, because they are now active themselves.
   */
  moved(arm: number): void {
    const before = this.#stale;
    this.#reactivate(arm);
    for (const other of [...(this.#covered.get(arm) ?? [])]) this.#reactivate(other);
    if (this.#stale !== before) this.#active = indexesOf(this.#isActive);
  }

  /**
   * Drops what can be dropped of the active arms, by their features of now. An arm that was dropped before stays so: those
   * that cover it have not moved, and where one of them is dropped now, what covers that one covers both.
   */
  rebuild(): void {
    const arms = this.#active;
    const { certificates } = lowerHull(arms.map((arm) => this.#featuresOf(arm)));
    for (const [row, mix] of certificates) {
      const arm = arms[row];
      if (arm === undefined) continue;
      const cover = mix.flatMap((winner) => arms[winner] ?? []);
      this.#isActive[arm] = 0;
      this.#certificates.set(arm, cover);
      for (const winner of cover) {
        const covered = this.#covered.get(winner) ?? new Set();
        this.#covered.set(winner, covered.add(arm));
      }
    }
    if (certificates.size > 0) this.#active = indexesOf(this.#isActive);
    this.#stale = 0;
  }

  #reactivate(arm: number): void {
    if (this.#isActive[arm] !== 0) return;
    this.#isActive[arm] = 1;
    this.#stale++;
    for (const winner of this.#certificates.get(arm) ?? []) this.#covered.get(winner)?.delete(arm);
    this.#certificates.delete(arm);
  }
}

function indexesOf(isActive: Uint8Array): readonly number[] {
  const indexes: number[] = [];
  for (const [index, active] of isActive.entries()) if (active === 1) indexes.push(index);
  return indexes;
}
