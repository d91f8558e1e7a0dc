import type { CostGraph } from './cost-graph.js';

/** The heads that hold all nodes before `from`, none from `to` on, and of those in between any set closed under predecessors. */
export interface Block {
  readonly from: number;
  readonly to: number;
}

/**
 * Takes a graph apart at its gates: nodes that every other node leads to or comes from, as the additions at the ends of residual
 * blocks are. A head that lacks a gate lacks all nodes after it, one that has it has all before, so each head belongs to one
 * block and the best of all cuts is the best of the blocks' best. Tensors may well skip gates; nodes may not.
 *
 * A graph without gates is one block.
 */
export function blocksOf({ nodes, tensors }: CostGraph): readonly Block[] {
  const numNodes = nodes.length;
  const firstReader = new Float64Array(numNodes).fill(Number.POSITIVE_INFINITY);
  const lastProducer = new Float64Array(numNodes).fill(-1);
  for (const { producer, readers } of tensors) {
    if (producer === null) continue;
    for (const reader of readers) {
      firstReader[producer] = Math.min(firstReader[producer] ?? reader, reader);
      lastProducer[reader] = Math.max(lastProducer[reader] ?? producer, producer);
    }
  }
  // All nodes after the gate come from it when each reads something of the gate or of one after it.
  const earliestNeed = new Float64Array(numNodes + 1).fill(Number.POSITIVE_INFINITY);
  for (let node = numNodes - 1; node >= 0; node--) {
    earliestNeed[node] = Math.min(earliestNeed[node + 1] ?? 0, lastProducer[node] ?? -1);
  }
  const blocks: Block[] = [];
  let from = 0;
  let latestUse = -1;
  for (let node = 0; node < numNodes; node++) {
    // All nodes before it lead to it when each is read by it or by one before it.
    if (latestUse <= node && (earliestNeed[node + 1] ?? 0) >= node) {
      blocks.push({ from, to: node });
      from = node + 1;
    }
    latestUse = Math.max(latestUse, firstReader[node] ?? 0);
  }
  blocks.push({ from, to: numNodes });
  return blocks;
}
