import { DEFAULT_ACCURACY_DROP, type Fidelity, type LossyCodec } from '@cutpoint/protocol';

/** A cut of a variant, in the order of its work. */
export interface GappyCut {
  readonly codecs: readonly LossyCodec[];
  /** What was measured at this very cut. */
  readonly own: readonly Fidelity[] | undefined;
  /** What was measured at the same cut of another size. */
  readonly sibling: readonly Fidelity[] | undefined;
}

/**
 * What each cut says of its codecs: what was measured, or, marked by `inputs: 0`, the stated default and where that is more the
 * worst of its measured neighbours on either side and of the same cut at another size.
 */
export function fillGaps(cuts: readonly GappyCut[]): readonly (readonly Fidelity[])[] {
  return cuts.map(({ codecs, own, sibling }, position) =>
    codecs.map((codec) => {
      const measured = entryOf(own, codec);
      if (measured !== undefined) return measured;
      const near = [neighbour(cuts, position, -1, codec), neighbour(cuts, position, 1, codec), entryOf(sibling, codec)];
      const most = (figure: 'drop' | 'worst') =>
        Math.max(DEFAULT_ACCURACY_DROP[codec], ...near.map((entry) => entry?.[figure] ?? 0));
      return { codec, drop: most('drop'), worst: most('worst'), inputs: 0 };
    }),
  );
}

/** Of the nearest measured cut in one direction. */
function neighbour(cuts: readonly GappyCut[], from: number, step: 1 | -1, codec: LossyCodec): Fidelity | undefined {
  for (let position = from + step; position >= 0 && position < cuts.length; position += step) {
    const found = entryOf(cuts[position]?.own, codec);
    if (found !== undefined) return found;
  }
  return undefined;
}

function entryOf(entries: readonly Fidelity[] | undefined, codec: LossyCodec): Fidelity | undefined {
  return entries?.find((entry) => entry.codec === codec && entry.inputs > 0);
}
