import { type Arm, CODECS, type Codec } from '@cutpoint/partition';
import { type Cut, type CutTable, narrows, type TensorInfo, type Variant } from '@cutpoint/protocol';
import { accuracyDropOf } from './codec/accuracy.js';
import { stepsOf } from './codec/encode.js';
import { profileOf } from './codec/profile.js';

/**
 * The arms of one variant: its cuts in the table's order, each with the codecs that change anything about what crosses
 * there, `f32` first.
 * @param known what page and edge can both do beyond raw tensors
 */
export function armsOf(table: CutTable, variant: Variant, known: ReadonlySet<string>): Arm[] {
  const inputs = new Set(variant.inputs.map(({ name }) => name));
  return table.cuts.flatMap((cut) => {
    const crossing = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
    const codecs = CODECS.filter((codec) => codec === 'f32' || isOffered(codec, cut, crossing, variant, known));
    const base = {
      cut: cut.id,
      headMs: cut.headMs,
      tailMs: cut.tailMs,
      bytesDown: cut.bytesDown,
      usesEdge: cut.tailGraph !== null,
      isPrefix: cut.id <= table.nodes.length,
      sendsInput: crossing.some(({ name }) => inputs.has(name)) || isBeforeMixing(table, cut),
    };
    const kind = crossing.every(({ name }) => inputs.has(name)) ? 'input' : 'activations';
    return codecs.map((codec) => ({
      ...base,
      codec,
      ...profileOf(codec, crossing, kind),
      accuracyDrop: accuracyDropOf(codec, cut, table.calibration),
    }));
  });
}

function isOffered(
  codec: Codec,
  { id, tailGraph }: Cut,
  crossing: readonly TensorInfo[],
  { image }: Variant,
  known: ReadonlySet<string>,
): boolean {
  const { numbers, deflates, picture } = stepsOf(codec);
  if (tailGraph === null) return false;
  if (picture) return id === 0 && image !== undefined && crossing.length === 1 && known.has(picture);
  if (deflates && !known.has('deflate')) return false;
  return numbers === 'raw' || (known.has(numbers) && crossing.some((tensor) => narrows(numbers, tensor)));
}

/** Operators that make something of an input from which it is not simply read again. */
const MIXING = /Conv|MatMul|Gemm|LSTM|GRU|RNN|Einsum|Attention/;

/** Whether what crosses was made before the first operator that mixes the input. */
function isBeforeMixing({ nodes }: CutTable, { tailGraph, headNodes }: Cut): boolean {
  const firstMixing = nodes.findIndex(({ opType }) => MIXING.test(opType));
  return tailGraph !== null && (firstMixing < 0 || headNodes <= firstMixing);
}

/** The table without the cuts that send more than the edge takes. */
export function withinLimit(table: CutTable, maxRequestBytes: number): CutTable {
  const cuts = table.cuts.filter(({ tailGraph, bytesUp }) => tailGraph === null || bytesUp <= maxRequestBytes);
  return { ...table, cuts };
}

/** The listed cut whose number is nearest; of two the lower. */
export function nearestCut(table: CutTable, id: number): Cut | undefined {
  let nearest: Cut | undefined;
  for (const cut of table.cuts) {
    const gap = Math.abs(cut.id - id);
    const best = nearest ? Math.abs(nearest.id - id) : Number.POSITIVE_INFINITY;
    if (gap < best || (gap === best && nearest && cut.id < nearest.id)) nearest = cut;
  }
  return nearest;
}

/**
 * A head of this share of the whole is timed first: long enough to tell, short enough to be there soon. No more than
 * this many ms where it was profiled, because the device may be a hundred times slower.
 */
const CALIBRATION_SHARE = { least: 0.1, most: 0.25 } as const;
const CALIBRATION_HEAD_MS = { least: 2, most: 5 } as const;

/** The head to learn the device by: within these bounds the one with the fewest weights; else the nearest to them. */
export function calibrationCut(table: CutTable, packBytes: (cut: Cut) => number): Cut | undefined {
  const wholeMs = Math.max(0, ...table.cuts.map(({ headMs }) => headMs));
  const least = Math.min(CALIBRATION_SHARE.least * wholeMs, CALIBRATION_HEAD_MS.least);
  const most = Math.min(CALIBRATION_SHARE.most * wholeMs, CALIBRATION_HEAD_MS.most);
  const away = ({ headMs }: Cut) => (headMs < least ? least - headMs : Math.max(0, headMs - most));
  const heads = table.cuts.filter((cut) => cut.headGraph !== null && cut.headMs > 0);
  const [best] = heads.sort((a, b) => away(a) - away(b) || packBytes(a) - packBytes(b) || a.headMs - b.headMs);
  return best;
}
