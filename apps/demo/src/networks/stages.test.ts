import type { Cut, CutTable } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import { chainTable, EMPTY_CUT } from '../testing/cut-table.js';
import { layRibbon } from './stages.js';

/** A chain of nodes with the given work; `bytes[i]` cross after node i. */
function chain(work: readonly number[], bytes: readonly number[]): CutTable {
  let headFlops = 0;
  const cuts: Cut[] = [{ ...EMPTY_CUT, id: 0, headNodes: 0, bytesUp: bytes[0] ?? 0 }];
  for (const [index, flops] of work.entries()) {
    headFlops += flops;
    const bytesUp = index === work.length - 1 ? 0 : (bytes[index + 1] ?? 0);
    cuts.push({ ...EMPTY_CUT, id: index + 1, headNodes: index + 1, bytesUp, headFlops });
  }
  const nodes = work.map((flops, index) => ({ opType: index % 2 === 0 ? 'Conv' : 'Relu', name: `n${index}`, flops }));
  return chainTable('tensors', { tensors: [], nodes, cuts });
}

describe('layRibbon', () => {
  it('gives a short network a block per node, wide by its share of compute', () => {
    const ribbon = layRibbon(chain([10, 30, 60], [100, 50, 20]));
    expect(ribbon.stages.map(({ share }) => share)).toEqual([0.1, 0.3, 0.6]);
    expect(ribbon.stages.map(({ kinds }) => kinds)).toEqual(['1 Conv', '1 Relu', '1 Conv']);
    expect(ribbon.stages[0]?.left).toBe(0);
    expect(ribbon.stages.at(-1)?.right).toBeCloseTo(1);
  });

  it('groups a long one into few blocks that cover every node once', () => {
    const work = Array.from({ length: 340 }, (_, index) => (index % 3 === 0 ? 9 : 0));
    const ribbon = layRibbon(chain(work, Array(341).fill(10)));
    expect(ribbon.stages.length).toBeLessThanOrEqual(33);
    expect(ribbon.stages.length).toBeGreaterThan(20);
    const borders = ribbon.stages.map(({ from, to }) => [from.headNodes, to.headNodes]);
    expect(borders[0]?.[0]).toBe(0);
    expect(borders.at(-1)?.[1]).toBe(340);
    for (const [index, [from]] of borders.entries()) expect(from).toBe(borders[index - 1]?.[1] ?? 0);
  });

  it('puts borders where few bytes cross', () => {
    const work = Array(40).fill(1);
    const bytes = work.map((_, index) => (index % 10 === 3 ? 1 : 100));
    const borders = layRibbon(chain(work, bytes), 4).stages.map(({ to }) => to.id);
    // And 39: what follows the last convolution is the answer, a section of its own.
    expect(borders).toEqual([13, 23, 33, 39, 40]);
  });

  it('places every cut in order, from 0 to 1, and finds it again', () => {
    const ribbon = layRibbon(
      chain(
        Array.from({ length: 90 }, (_, index) => index % 7),
        Array(91).fill(5),
      ),
    );
    const places = ribbon.cuts.map((cut) => ribbon.position(cut));
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBeCloseTo(1);
    for (const [index, at] of places.entries()) {
      expect(at).toBeGreaterThanOrEqual(places[index - 1] ?? 0);
      expect(ribbon.nearest(at).id).toBe(ribbon.cuts[index]?.id);
    }
  });

  it('places a proposed cut, whose id says nothing, by its nodes', () => {
    const table = chain(Array(10).fill(1), Array(11).fill(5));
    table.cuts.push({ ...EMPTY_CUT, id: 11, headNodes: 5, headFlops: 5 });
    const ribbon = layRibbon(table);
    expect(ribbon.position(ribbon.byId(11))).toBeCloseTo(0.5);
  });

  it('takes the nearest listed cut for an id that was merged away', () => {
    const table = chain(Array(10).fill(1), Array(11).fill(5));
    const ribbon = layRibbon({ ...table, cuts: table.cuts.filter(({ id }) => id !== 6 && id !== 7) });
    expect(ribbon.byId(7).id).toBe(8);
    expect(ribbon.byId(999).id).toBe(10);
  });

  it('survives a network without any floating-point work', () => {
    const ribbon = layRibbon(chain([0, 0, 0], [1, 1, 1]));
    expect(ribbon.stages).toHaveLength(3);
    expect(ribbon.stages[1]?.left).toBeCloseTo(1 / 3);
  });
});
