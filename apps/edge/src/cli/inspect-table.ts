import type { CutDescription } from '@cutpoint/onnx';
import type { SplitModel } from '../ort/split-model.js';

const COLUMNS = ['cut', 'after node', 'tensors', 'up', 'down', 'head', 'tail', 'head weights', 'crossing'] as const;
/** Names of crossing tensors that fit a line. */
const NAMES_SHOWN = 2;

/** The cuts of a model as lines of text: what crosses, and what each side has to do. */
export function cutTable({ analysis, cuts }: SplitModel): readonly string[] {
  const rows = cuts.cuts.map((cut) => rowOf(cut, analysis.nodes));
  const widths = COLUMNS.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      // Numbers to the right, words to the left.
      .map((cell, i) =>
        i === 1 || i === COLUMNS.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(COLUMNS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

function rowOf(cut: CutDescription, nodes: readonly { readonly opType: string }[]): readonly string[] {
  const names = cut.crossing.slice(0, NAMES_SHOWN).join(', ');
  const more = cut.crossing.length - NAMES_SHOWN;
  return [
    String(cut.id),
    cut.id === 0 ? '(offload)' : `${nodes[cut.id - 1]?.opType}${cut.id === nodes.length ? ' (local)' : ''}`,
    String(cut.crossing.length),
    bytes(cut.bytesUp),
    bytes(cut.bytesDown),
    flops(cut.headFlops),
    flops(cut.tailFlops),
    bytes(cut.headWeightBytes),
    more > 0 ? `${names} and ${more} more` : names,
  ];
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(2)} MB`;
}

function flops(count: number): string {
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MFLOP` : `${(count / 1e9).toFixed(2)} GFLOP`;
}
