import type { Arm } from '@cutpoint/partition';
import { Random } from '../random.js';

/** What the arms of one network really take on one device, by index: the truth that policies only estimate. */
export interface ArmTruth {
  readonly arms: readonly Arm[];
  readonly headMs: Float64Array;
  readonly encodeMs: Float64Array;
  readonly bytesUp: Float64Array;
  readonly decodeMs: Float64Array;
  readonly tailMs: Float64Array;
  readonly bytesDown: Float64Array;
  readonly usesEdge: readonly boolean[];
}

export interface Head {
  readonly cut: number;
  readonly headMs: number;
  readonly isPrefix: boolean;
}

/**
 * Heads take d times their profile, each layer a little more or less: what lies between two neighbouring prefix cuts has a
 * factor of its own, so that neighbouring cuts err alike. A head that is no prefix errs like the prefix of its length.
 * @returns ms by cut
 */
export function trueHeads(
  heads: readonly Head[],
  d: number,
  layerDeviation: number,
  seed: number,
): ReadonlyMap<number, number> {
  const random = new Random(seed);
  const prefixes = heads.filter(({ isPrefix }) => isPrefix).sort((a, b) => a.cut - b.cut);
  const trueMs = new Map<number, number>();
  let beforeMs = 0;
  let sumMs = 0;
  for (const { cut, headMs } of prefixes) {
    sumMs += Math.max(0, headMs - beforeMs) * d * random.factor(layerDeviation);
    // Timed heads are not quite ascending; one that is shorter than the one before is so in truth too.
    trueMs.set(cut, headMs >= beforeMs ? sumMs : (sumMs * headMs) / beforeMs);
    if (headMs >= beforeMs) beforeMs = headMs;
  }
  for (const { cut, headMs, isPrefix } of heads) {
    if (isPrefix) continue;
    const like = prefixes.reduce<Head | undefined>(
      (best, prefix) =>
        best === undefined || Math.abs(prefix.headMs - headMs) < Math.abs(best.headMs - headMs) ? prefix : best,
      undefined,
    );
    const ratio = like === undefined || like.headMs === 0 ? d : (trueMs.get(like.cut) ?? 0) / like.headMs;
    trueMs.set(cut, headMs * ratio);
  }
  return trueMs;
}

/** Tails are profiled at the edge where they run, so they take what their profile says, times its load. */
export function armTruth(arms: readonly Arm[], heads: ReadonlyMap<number, number>): ArmTruth {
  const column = (of: (arm: Arm) => number) => Float64Array.from(arms, of);
  return {
    arms,
    headMs: column(({ cut }) => heads.get(cut) ?? 0),
    encodeMs: column(({ encodeMs }) => encodeMs ?? 0),
    bytesUp: column(({ bytesUp }) => bytesUp),
    decodeMs: column(({ decodeMs }) => decodeMs ?? 0),
    tailMs: column(({ tailMs }) => tailMs),
    bytesDown: column(({ bytesDown }) => bytesDown),
    usesEdge: arms.map(({ usesEdge }) => usesEdge),
  };
}
