import { assertCostGraph, type CostGraph, type CutCost } from './cost-graph.js';

/**
 * The costs of all prefixes of the node order in one pass: LoADPart's scan (Liu et al., ICDCS 2022, section IV), O(nodes and
 * edges). A tensor crosses at every prefix that has its producer and lacks its last reader.
 *
 * @returns the cost of the prefix of p nodes at index p, 0..n
 * @throws PartitionError `invalid_graph`
 */
export function scanPrefixes(graph: CostGraph): readonly CutCost[] {
  assertCostGraph(graph);
  const { nodes, tensors } = graph;
  const upStep = new Float64Array(nodes.length + 2);
  const downStep = new Float64Array(nodes.length + 2);
  const between = (steps: Float64Array, from: number, to: number, bytes: number): void => {
    steps[from] = (steps[from] ?? 0) + bytes;
    steps[to + 1] = (steps[to + 1] ?? 0) - bytes;
  };
  for (const { bytes, producer, readers, isOutput } of tensors) {
    const lastReader = readers.reduce((last, reader) => Math.max(last, reader), -1);
    const from = producer === null ? 0 : producer + 1;
    if (lastReader >= from) between(upStep, from, lastReader, bytes);
    if (isOutput && producer !== null) between(downStep, 0, producer, bytes);
  }
  let tailMs = nodes.reduce((sum, node) => sum + node.tailMs, 0);
  let [headMs, bytesUp, bytesDown] = [0, 0, 0];
  return Array.from({ length: nodes.length + 1 }, (_, prefix): CutCost => {
    const node = nodes[prefix - 1];
    headMs += node?.headMs ?? 0;
    // Sums of many times leave a rounding error behind, never a cost.
    tailMs = prefix === nodes.length ? 0 : Math.max(0, tailMs - (node?.tailMs ?? 0));
    bytesUp += upStep[prefix] ?? 0;
    bytesDown += downStep[prefix] ?? 0;
    return { headMs, tailMs, bytesUp, bytesDown };
  });
}
