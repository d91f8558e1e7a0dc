import type { Arm } from './arm.js';
import { nextRandom } from './random.js';

/**
 * What a switch costs. Both arms are ready, so nothing is built; what is paid is caches gone cold, and the chance that
 * the gain was noise: a timer in a browser resolves 0.1 to 1 ms, and two predictions that differ by less than some per
 * cent cannot be told apart.
 */
export const SWITCH_MS = 0.5;
export const SWITCH_SHARE = 0.03;
/** Each switch of late makes the next one dearer by this much of its price; half of that is forgotten in ten decisions. */
export const RESTLESS_SHARE = 0.5;
const RESTLESS_KEEP = 0.5 ** (1 / 10);
/** Gains that were owed are half forgotten whenever the arm in use is the best one. */
const OWED_KEEP = 0.5;

/**
 * Of many clients that see the same load all would move at once, make the load that they flee, and all come back. So
 * each one that would give the edge more work first waits for a random time, and looks again: up to this long for each
 * client that the edge has, in all at most MAX_JOIN_MS.
 */
export const JOIN_MS_PER_CLIENT = 40;
export const MAX_JOIN_MS = 3_000;
/**
 * And one that would take work away does it with a chance of 1.5 times the share that it gains, so those leave first who
 * have most to gain. Among few clients there is no herd: with two each leaves with a chance of 7/8 at the least.
 */
export const LEAVE_PER_GAIN = 1.5;
export const LEAST_LEAVE_CHANCE = 0.15;
export const MOST_LEAVE_CHANCE = 0.85;
const HERD_CLIENTS = 8;

/** What a decision leaves for the next about switching. */
export interface Steadiness {
  /** What staying has cost since another arm became the best one, in ms. */
  readonly owedMs: number;
  /** Switches of late, fading. */
  readonly restless: number;
  /** When this client may give the edge more work; `undefined` before it wanted to. */
  readonly joinAtMs?: number | undefined;
  readonly random: number;
}

export interface SwitchQuestion {
  readonly current: Arm;
  readonly best: Arm;
  /** By what the decision minimises. */
  readonly currentMs: number;
  readonly bestMs: number;
  readonly clients: number;
  readonly nowMs: number;
}

/**
 * Whether to leave the arm in use for the best one: when what staying costs, added up since the other became better,
 * has reached the price of the switch (as who rents skis buys them when the rent has reached their price; Karlin et
 * al., "Competitive randomized algorithms for nonuniform problems", 1994). A large gain pays at once, a small one has
 * to last.
 */
export function shouldSwitch(question: SwitchQuestion, memory: Steadiness): { switches: boolean; next: Steadiness } {
  const { current, best, currentMs, bestMs, clients, nowMs } = question;
  const gainMs = currentMs - bestMs;
  // An arm can be the best for other reasons than its latency: nothing is owed the other way.
  const owedMs = Math.max(0, memory.owedMs + gainMs);
  const restless = memory.restless * RESTLESS_KEEP;
  const price = (SWITCH_MS + SWITCH_SHARE * currentMs) * (1 + RESTLESS_SHARE * restless);
  const stays = { switches: false, next: { ...memory, owedMs, restless } };
  if (owedMs < price) return stays;
  const moves = { switches: true, next: { owedMs: 0, restless: restless + 1, random: memory.random } };
  if (clients <= 1 || best.tailMs === current.tailMs) return moves;
  const drawn = nextRandom(memory.random);
  const random = drawn.state;
  if (best.tailMs < current.tailMs) {
    const alone = 1 - (clients - 1) / HERD_CLIENTS;
    const byGain = Math.min(MOST_LEAVE_CHANCE, (LEAVE_PER_GAIN * gainMs) / currentMs);
    const chance = Math.max(LEAST_LEAVE_CHANCE, alone, byGain);
    const { switches, next } = drawn.value < chance ? moves : stays;
    return { switches, next: { ...next, random } };
  }
  const { joinAtMs } = memory;
  // Whoever was about to go a moment ago need not begin to wait anew.
  if (joinAtMs === undefined || nowMs > joinAtMs + MAX_JOIN_MS) {
    const waitMs = drawn.value * Math.min(MAX_JOIN_MS, JOIN_MS_PER_CLIENT * (clients - 1));
    return { switches: false, next: { ...stays.next, joinAtMs: nowMs + waitMs, random } };
  }
  return nowMs >= joinAtMs ? moves : stays;
}

/** The arm in use is the best one. */
export function stay({ owedMs, restless, joinAtMs, random }: Steadiness): Steadiness {
  return { owedMs: owedMs * OWED_KEEP, restless: restless * RESTLESS_KEEP, joinAtMs, random };
}

/** Nothing is owed: the arm in use was not chosen by comparing. */
export function settled(random: number): Steadiness {
  return { owedMs: 0, restless: 0, random };
}
