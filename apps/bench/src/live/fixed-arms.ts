import type { ArmFacts, ArmName } from './record.js';

/** An arm that is run whatever the conditions are. */
export interface FixedArm {
  readonly name: string;
  readonly arm: ArmName;
}

/** Share of the whole network's time that a head may take. */
const DEPTHS = { shallow: 0.2, deep: 0.6 } as const;

/**
 * The cuts that an engineer would pick by hand: with 8 bits a value, the one that sends least among the first fifth, and
 * among the first six tenths, of the network's run time. `local` and both ways of offloading are policies already.
 */
export function fixedArms(arms: readonly ArmFacts[]): FixedArm[] {
  const wholeMs = Math.max(...arms.map(({ headMs }) => headMs));
  const picked: FixedArm[] = [];
  for (const [name, share] of Object.entries(DEPTHS)) {
    const possible = arms.filter(
      ({ cut, codec, usesEdge, isPrefix, headMs }) =>
        cut > 0 && codec === 'u8' && usesEdge && isPrefix && headMs <= share * wholeMs,
    );
    const [least] = possible.sort((a, b) => a.bytesUp - b.bytesUp || a.headMs - b.headMs);
    if (least && !picked.some(({ arm }) => arm.cut === least.cut)) {
      picked.push({ name: `cut ${least.cut} u8 (${name})`, arm: { cut: least.cut, codec: least.codec } });
    }
  }
  return picked;
}
