import type { Arm } from './arm.js';
import { Frontier } from './candidates/frontier.js';
import { type ArmFactors, type ConditionValues, UNCORRECTED } from './cost.js';
import type { MakePruner, Pruner } from './pruner.js';
import { slowStartRounds, stallsMs } from './slow-start.js';

/** The frontier is worked out anew when so many arms moved or came back, and they are this share of it. */
const STALE_ARMS = 8;
const STALE_SHARE = 0.25;
/** But not more often than this. */
const REBUILD_EVERY_MS = 5_000;
/** Rounds of slow start that are features of their own: seven windows hold 1.8 MB. Larger transfers count as that large. */
const ROUNDS = 7;

/** Everything of an arm that its latency depends on, see {@link Frontier}. */
function featuresOf(arm: Arm, factors: ArmFactors): readonly number[] {
  const bytes = arm.bytesUp * factors.bytes;
  const rounds = slowStartRounds(bytes);
  return [
    arm.headMs * factors.head,
    (arm.encodeMs ?? 0) * factors.encode,
    (arm.decodeMs ?? 0) * factors.decode,
    Number(arm.usesEdge),
    bytes,
    arm.tailMs * factors.tail,
    arm.bytesDown,
    ...Array.from({ length: ROUNDS }, (_, round) => Number(rounds > round)),
  ];
}

/** Keeps the frontier of a controller's arms true to their corrections. */
export class Pruning implements Pruner {
  readonly #arms: readonly Arm[];
  readonly #factors: () => readonly ArmFactors[];
  readonly #frontier: Frontier | undefined;
  readonly #movedSince = new Set<number>();
  #rebuiltAtMs = Number.NEGATIVE_INFINITY;

  /** @param factors the corrections of now */
  constructor(arms: readonly Arm[], factors: () => readonly ArmFactors[]) {
    this.#arms = arms;
    this.#factors = factors;
    // Beyond the last round that is a feature stalls would not be seen.
    if (arms.some(({ bytesUp }) => slowStartRounds(bytesUp * 2) > ROUNDS)) return;
    this.#frontier = new Frontier(arms.length, (index) => {
      const arm = arms[index];
      return arm === undefined ? [] : featuresOf(arm, this.#factors()[index] ?? UNCORRECTED);
    });
  }

  moved(indexes: readonly number[]): void {
    const frontier = this.#frontier;
    if (frontier === undefined) return;
    for (const index of indexes) {
      frontier.moved(index);
      this.#movedSince.add(index);
    }
  }

  rebuildIfStale(nowMs: number): void {
    const frontier = this.#frontier;
    if (frontier === undefined || Math.abs(nowMs - this.#rebuiltAtMs) < REBUILD_EVERY_MS) return;
    const changed = Math.max(frontier.stale, this.#movedSince.size);
    if (changed < STALE_ARMS || changed < STALE_SHARE * frontier.active.length) return;
    this.#rebuiltAtMs = nowMs;
    this.#movedSince.clear();
    frontier.rebuild();
  }

  get active(): readonly number[] | undefined {
    return this.#frontier?.active;
  }

  suffices(at: ConditionValues, leastCost: number): boolean {
    return frontierSuffices(this.active ?? [], this.#arms, this.#factors(), at, leastCost);
  }
}

/** For `ControllerOptions.pruner`. */
export const pruned: MakePruner = (arms, factors) => new Pruning(arms, factors);

/**
 * Whether the least cost among the arms of the frontier is the least of all.
 *
 * It is while cost is a sum, and also when a queue grows to the rest of a running tail (a minimum of two sums). A queue
 * that drains makes it the largest of three: the sum in which it is gone on arrival, the one in which nothing comes before
 * the request, and the one in which something does, which is itself the smaller of two: all that was announced, or what
 * can have come meanwhile. Each sum is a lower bound for those arms whose cost it is, and has its least value on the
 * frontier; when the least cost found is no more than what the least values allow, nothing else can be less.
 */
export function frontierSuffices(
  frontier: readonly number[],
  arms: readonly Arm[],
  factors: readonly ArmFactors[],
  at: ConditionValues,
  leastCost: number,
): boolean {
  if (at.queueMs <= at.residualMs) return true;
  const busy = Math.min(1, at.busy);
  const stalls = stallsMs(at.slowStartMs, at.uplink);
  let leastGone = Number.POSITIVE_INFINITY;
  let leastLeft = Number.POSITIVE_INFINITY;
  let leastAnnounced = Number.POSITIVE_INFINITY;
  let leastCome = Number.POSITIVE_INFINITY;
  for (const index of frontier) {
    const arm = arms[index];
    if (arm === undefined) continue;
    const known = factors[index] ?? UNCORRECTED;
    const headMs = at.d * arm.headMs * known.head;
    if (!arm.usesEdge) {
      leastGone = Math.min(leastGone, headMs);
      leastLeft = Math.min(leastLeft, headMs * at.queueDoubt);
      leastAnnounced = 0;
      leastCome = Math.min(leastCome, headMs * busy);
      continue;
    }
    const bytes = arm.bytesUp * known.bytes;
    const sendMs = bytes / at.uplink + (at.slowStartMs > 0 ? (stalls[slowStartRounds(bytes)] ?? 0) : 0);
    const untilArrivalMs = headMs + (arm.encodeMs ?? 0) * known.encode + sendMs;
    const restMs =
      at.fixedMs + at.k * arm.tailMs * known.tail + (arm.decodeMs ?? 0) * known.decode + arm.bytesDown / at.downlink;
    leastGone = Math.min(leastGone, untilArrivalMs + at.residualMs + restMs);
    leastLeft = Math.min(leastLeft, at.queueDoubt * untilArrivalMs + at.queueMs + restMs);
    leastAnnounced = Math.min(leastAnnounced, at.queueMs + at.announcedMs + restMs);
    leastCome = Math.min(leastCome, busy * untilArrivalMs + at.queueMs + restMs);
  }
  return leastCost - at.overheadMs <= Math.max(leastGone, leastLeft, Math.min(leastAnnounced, leastCome)) + 1e-9;
}
