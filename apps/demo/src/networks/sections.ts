import type { Cut, CutTable } from '@cutpoint/client';

/** What a part of a network does, as somebody who knows networks would call it. */
type Family = 'prepare' | 'convolutions' | 'attention' | 'recurrent' | 'dense' | 'answer';

/** Consecutive nodes that do one kind of work at one size: what a person recognises a network by. */
export interface Section {
  readonly from: Cut;
  readonly to: Cut;
  /** For a place with little room: `56 × 56`, `attention`. */
  readonly label: string;
  /** For the ear and for the pointer: `convolutions at 56 × 56`. */
  readonly words: string;
}

/** A section with less of the compute than this cannot be seen, and goes to its larger neighbour. */
const MIN_SHARE = 0.04;

const WORDS: Readonly<Record<Family, string>> = {
  prepare: 'preparing the input',
  convolutions: 'convolutions',
  attention: 'attention',
  recurrent: 'recurrent layers',
  dense: 'dense layers',
  answer: 'the answer',
};
const LABELS: Readonly<Record<Family, string>> = { ...WORDS, recurrent: 'recurrent', dense: 'dense' };

interface Part {
  readonly from: Cut;
  readonly to: Cut;
  readonly family: Family;
  /** Of the maps that its convolutions give. */
  readonly size: string;
  readonly work: number;
}

/**
 * Groups a network by what its nodes do and by the size of what they give, which is how papers draw it.
 *
 * @param cuts prefix cuts in order, the empty head first
 */
export function sectionsOf(table: CutTable, cuts: readonly Cut[]): Section[] {
  const parts = mergeSmall(mergeAttention(mergeEqual(partsBetween(table, cuts))));
  return parts.map(({ from, to, family, size }) => ({
    from,
    to,
    label: size === '' ? LABELS[family] : size,
    words: size === '' ? WORDS[family] : `${WORDS[family]} at ${size}`,
  }));
}

function partsBetween(table: CutTable, cuts: readonly Cut[]): Part[] {
  const kinds = cuts.slice(1).map((to, index) => {
    const opTypes = table.nodes.slice(cuts[index]?.headNodes ?? 0, to.headNodes).map(({ opType }) => opType);
    return heavyFamily(new Set(opTypes));
  });
  const lastHeavy = kinds.findLastIndex((kind) => kind !== undefined);
  let family: Family = 'prepare';
  let size = '';
  return cuts.slice(1).map((to, index) => {
    const from = cuts[index] ?? to;
    family = index > lastHeavy ? 'answer' : (kinds[index] ?? family);
    if (family !== 'convolutions') size = '';
    else size = sizeOfNew(table, from, to) ?? size;
    return { from, to, family, size, work: to.headFlops - from.headFlops };
  });
}

/** The family of the nodes that cost something; activations, shapes and normalisations belong to whatever they follow. */
function heavyFamily(opTypes: ReadonlySet<string>): Family | undefined {
  const has = (pattern: RegExp): boolean => [...opTypes].some((opType) => pattern.test(opType));
  if (has(/Attention/)) return 'attention';
  if (has(/Conv/)) return 'convolutions';
  if (has(/^(LSTM|GRU|RNN)$/)) return 'recurrent';
  if (has(/MatMul|Gemm/)) return has(/^Softmax$/) ? 'attention' : 'dense';
  return undefined;
}

/** Height and width of what crosses after these nodes and did not before them: their own output, not a shortcut's. */
function sizeOfNew(table: CutTable, from: Cut, to: Cut): string | undefined {
  const before = new Set(from.crossing);
  const dims = to.crossing.filter((index) => !before.has(index)).map((index) => table.tensors[index]?.dims ?? []);
  const map = dims.findLast(({ length }) => length >= 4);
  return map?.slice(2).join(' × ');
}

function mergeEqual(parts: readonly Part[]): Part[] {
  const merged: Part[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    if (last && last.family === part.family && last.size === part.size) merged.splice(-1, 1, join(last, part, last));
    else merged.push(part);
  }
  return merged;
}

/** Projections around an attention are a part of it, though there is no softmax among them. */
function mergeAttention(parts: readonly Part[]): Part[] {
  const isPartOf = (part: Part | undefined): boolean => part?.family === 'attention';
  return mergeEqual(
    parts.map((part, index) =>
      part.family === 'dense' && (isPartOf(parts[index - 1]) || isPartOf(parts[index + 1]))
        ? { ...part, family: 'attention' as const }
        : part,
    ),
  );
}

function mergeSmall(parts: readonly Part[]): Part[] {
  const total = parts.reduce((sum, { work }) => sum + work, 0);
  let merged = [...parts];
  const isFree = ({ family }: Part): boolean => family !== 'prepare' && family !== 'answer';
  for (;;) {
    const small = merged.filter((part) => isFree(part) && part.work < total * MIN_SHARE);
    const smallest = small.reduce<Part | undefined>((a, b) => (a && a.work <= b.work ? a : b), undefined);
    if (smallest === undefined) return merged;
    const at = merged.indexOf(smallest);
    const [before, after] = [merged[at - 1], merged[at + 1]].map((part) => (part && isFree(part) ? part : undefined));
    if (before && (!after || before.work >= after.work)) merged.splice(at - 1, 2, join(before, smallest, before));
    else if (after) merged.splice(at, 2, join(smallest, after, after));
    else return merged;
    merged = mergeEqual(merged);
  }
}

function join(first: Part, second: Part, named: Part): Part {
  return { ...named, from: first.from, to: second.to, work: first.work + second.work };
}
