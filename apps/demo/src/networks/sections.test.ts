import type { Cut, CutTable } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import { chainTable, EMPTY_CUT } from '../testing/cut-table.js';
import { sectionsOf } from './sections.js';

interface Step {
  readonly opType: string;
  readonly flops: number;
  readonly dims: readonly number[];
}

/** A chain of nodes, each with the output that crosses after it; a shortcut crosses beside it where one is named. */
function chain(steps: readonly Step[], shortcut?: { from: number; to: number; dims: readonly number[] }): CutTable {
  const tensors = steps.map(({ dims }, index) => ({ name: `t${index}`, type: 'float32' as const, dims: [...dims] }));
  if (shortcut) tensors.push({ name: 'shortcut', type: 'float32', dims: [...shortcut.dims] });
  let headFlops = 0;
  const cuts = [{ opType: '', flops: 0, dims: [] }, ...steps].map(({ flops }, id): Cut => {
    headFlops += flops;
    const own = id === 0 || id === steps.length ? [] : [id - 1];
    const isCrossed = shortcut && id >= shortcut.from && id < shortcut.to;
    const crossing = isCrossed ? [...own, steps.length] : own;
    return { ...EMPTY_CUT, id, headNodes: id, headFlops, crossing };
  });
  const nodes = steps.map(({ opType, flops }, index) => ({ opType, name: `n${index}`, flops }));
  return chainTable('pixels', { tensors, nodes, cuts });
}

const step = (opType: string, flops: number, ...dims: number[]): Step => ({ opType, flops, dims });
const conv = (flops: number, side: number): Step => step('Conv', flops, 1, 8, side, side);

const answer = step('Softmax', 0, 1, 10);

function named(table: CutTable): string[] {
  return sectionsOf(table, table.cuts).map(({ from, to, words }) => `${from.id}-${to.id} ${words}`);
}

describe('sectionsOf', () => {
  it('names a classifier by the sizes of its maps, between what prepares and what answers', () => {
    const table = chain([
      step('Cast', 0, 32, 32, 3),
      step('Transpose', 0, 3, 32, 32),
      conv(10, 32),
      step('Relu', 0, 1, 8, 32, 32),
      step('MaxPool', 0, 1, 8, 16, 16),
      conv(10, 16),
      conv(10, 8),
      step('GlobalAveragePool', 0, 1, 8, 1, 1),
      step('Gemm', 10, 1, 10),
      step('Softmax', 0, 1, 10),
    ]);
    expect(named(table)).toEqual([
      '0-2 preparing the input',
      '2-4 convolutions at 32 × 32',
      '4-6 convolutions at 16 × 16',
      '6-8 convolutions at 8 × 8',
      '8-9 dense layers',
      '9-10 the answer',
    ]);
  });

  it('covers every node once, whatever the kinds', () => {
    const kinds = ['Conv', 'MatMul', 'Softmax', 'LSTM', 'Add', 'Gemm', 'Reshape'];
    const table = chain(
      Array.from({ length: 60 }, (_, index) => step(kinds[(index * 5) % 7] ?? 'Add', (index * 3) % 11, 1, 4, 6, 6)),
    );
    const sections = sectionsOf(table, table.cuts);
    expect(sections[0]?.from.id).toBe(0);
    expect(sections.at(-1)?.to.id).toBe(60);
    for (const [index, { from }] of sections.entries()) expect(from.id).toBe(sections[index - 1]?.to.id ?? 0);
  });

  it('takes the size of what the nodes give, not of a shortcut that passes them', () => {
    const table = chain([conv(10, 4), conv(10, 4), conv(10, 4), answer], {
      from: 0,
      to: 3,
      dims: [1, 8, 64, 64],
    });
    expect(named(table)).toEqual(['0-3 convolutions at 4 × 4', '3-4 the answer']);
  });

  it('leaves a sliver to its larger neighbour', () => {
    expect(named(chain([conv(50, 32), conv(1, 5), conv(20, 16), answer]))).toEqual([
      '0-2 convolutions at 32 × 32',
      '2-3 convolutions at 16 × 16',
      '3-4 the answer',
    ]);
  });

  it('calls a transformer attention, with the projections around it', () => {
    const block = [
      step('MatMul', 10, 1, 16, 64),
      step('MatMul', 5, 1, 4, 16, 16),
      step('Softmax', 0, 1, 4, 16, 16),
      step('MatMul', 5, 1, 16, 64),
      step('MatMul', 10, 1, 16, 64),
    ];
    const table = chain([...block, ...block]);
    // Listed cuts are sparse: the softmax lies between two of them, beside the products that it belongs to.
    const cuts = table.cuts.filter(({ id }) => id !== 2 && id !== 3 && id !== 7 && id !== 8);
    expect(sectionsOf(table, cuts).map(({ words }) => words)).toEqual(['attention']);
  });

  it('has something to say of a network without any work', () => {
    expect(named(chain([step('Add', 0, 1), step('Add', 0, 1)]))).toEqual(['0-2 the answer']);
  });
});
