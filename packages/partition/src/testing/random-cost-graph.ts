import fc from 'fast-check';
import type { CostGraph, CostTensor } from '../candidates/cost-graph.js';

const bytes = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_000_000 }));
const ms = fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 20, noNaN: true }));

/** DAGs of up to 12 nodes: several readers, several inputs and outputs, inputs with many readers, free nodes. */
export const costGraphs: fc.Arbitrary<CostGraph> = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.record({
    nodes: fc.array(fc.record({ headMs: ms, tailMs: ms }), { minLength: count, maxLength: count }),
    tensors: fc.array(
      fc
        .record({
          bytes,
          producer: fc.option(fc.nat(count - 1), { freq: 3 }),
          readers: fc.array(fc.nat(count - 1), { maxLength: 4 }),
          isOutput: fc.boolean(),
        })
        .map(({ readers, producer, ...rest }): CostTensor => {
          return { ...rest, producer, readers: readers.filter((reader) => producer === null || reader > producer) };
        }),
      { minLength: 1, maxLength: 24 },
    ),
  }),
);

/** Every set of nodes that is closed under predecessors. */
export function closedHeads({ nodes, tensors }: CostGraph): ReadonlySet<number>[] {
  const heads: ReadonlySet<number>[] = [];
  for (let bits = 0; bits < 2 ** nodes.length; bits++) {
    const isIn = (node: number): boolean => (bits & (1 << node)) !== 0;
    const isClosed = tensors.every(
      ({ producer, readers }) => producer === null || isIn(producer) || !readers.some(isIn),
    );
    if (isClosed) heads.push(new Set([...nodes.keys()].filter(isIn)));
  }
  return heads;
}
