import type { CutDescription } from '@cutpoint/onnx';
import type { Cut } from '@cutpoint/protocol';
import type { SplitModel } from '../ort/split-model.js';

const COLUMNS = ['cut', 'after node', 'tensors', 'up', 'down', 'head', 'tail', 'head weights'] as const;
const TIMES = ['head ms', 'tail ms'] as const;
const LOSSES = ['f16 loses', 'u8 loses', 'jpeg loses', 'webp loses'] as const;
const CROSSING = 'crossing';
/** Names of crossing tensors that fit a line. */
const NAMES_SHOWN = 2;

/** The cuts of a model as lines of text: what crosses, what each side has to do, and how long that takes where it is known. */
export function cutTable({ analysis, cuts }: SplitModel, times: CutTimes | undefined): readonly string[] {
  const losses = lossesOf(times);
  const columns = [...COLUMNS, ...(times ? TIMES : []), ...losses, CROSSING];
  const rows = cuts.cuts.map((cut) => [
    ...workOf(cut, analysis.nodes),
    ...(times ? timesOf(times.get(cut.id)) : []),
    ...losses.map((column) => lossOf(times?.get(cut.id), column)),
    namesOf(cut.crossing),
  ]);
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      // Numbers to the right, words to the left.
      .map((cell, i) =>
        i === 1 || i === columns.length - 1 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}

/** By cut id, of a table that is served. */
export type CutTimes = ReadonlyMap<number, Pick<Cut, 'headMs' | 'tailMs' | 'timed' | 'fidelity'>>;

export const TIMES_LEGEND = '~ interpolated between cuts that were timed, - left out of what is served';

export const LOSSES_LEGEND = '~ not measured: the default, or what neighbours lose where that is more';

/** The columns of the codecs that some cut says anything of. */
function lossesOf(times: CutTimes | undefined): readonly string[] {
  const known = new Set(
    [...(times?.values() ?? [])].flatMap(({ fidelity = [] }) => fidelity.map(({ codec }) => codec)),
  );
  return LOSSES.filter((column) => known.has(codecOf(column)));
}

function codecOf(column: string): string {
  return column.split(' ')[0] ?? '';
}

/** In percent: the mean over the inputs. */
function lossOf(cut: Pick<Cut, 'fidelity'> | undefined, column: string): string {
  const entry = cut?.fidelity?.find(({ codec }) => codec === codecOf(column));
  if (!entry) return '-';
  return `${entry.inputs === 0 ? '~' : ''}${(100 * entry.drop).toFixed(2)} %`;
}

function timesOf(cut: Pick<Cut, 'headMs' | 'tailMs' | 'timed'> | undefined): readonly string[] {
  if (!cut) return ['-', '-'];
  return [cut.headMs, cut.tailMs].map((ms) => `${cut.timed ? '' : '~'}${ms.toFixed(2)}`);
}

function workOf(cut: CutDescription, nodes: readonly { readonly opType: string }[]): readonly string[] {
  return [
    String(cut.id),
    cut.id === 0 ? '(offload)' : `${nodes[cut.id - 1]?.opType}${cut.id === nodes.length ? ' (local)' : ''}`,
    String(cut.crossing.length),
    bytes(cut.bytesUp),
    bytes(cut.bytesDown),
    flops(cut.headFlops),
    flops(cut.tailFlops),
    bytes(cut.headWeightBytes),
  ];
}

function namesOf(crossing: readonly string[]): string {
  const names = crossing.slice(0, NAMES_SHOWN).join(', ');
  const more = crossing.length - NAMES_SHOWN;
  return more > 0 ? `${names} and ${more} more` : names;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} KB` : `${(count / 1e6).toFixed(2)} MB`;
}

function flops(count: number): string {
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MFLOP` : `${(count / 1e9).toFixed(2)} GFLOP`;
}
