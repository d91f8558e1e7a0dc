import type { CostGraph, CostNode, CostTensor } from '../candidates/cost-graph.js';

/**
 * A network of convolution-like shape: stages of residual and branching blocks whose tensors shrink from stage to stage, a
 * few skips across blocks, several outputs. For tests and benches.
 *
 * @param random uniform in 0..1
 */
export function branchingNetwork(numNodes: number, random: () => number): CostGraph {
  const nodes: CostNode[] = [];
  const tensors: { bytes: number; producer: number | null; readers: number[]; isOutput: boolean }[] = [
    { bytes: 602_112, producer: null, readers: [], isOutput: false },
  ];
  let bytes = 3_211_264;
  const add = (inputs: readonly number[], scale: number, isHeavy: boolean): number => {
    const producer = nodes.length;
    for (const input of inputs) tensors[input]?.readers.push(producer);
    const ms = isHeavy ? 0.2 + random() : 0.005 + 0.02 * random();
    nodes.push({ headMs: ms, tailMs: ms * (0.5 + random()) });
    tensors.push({ bytes: Math.ceil(bytes * scale), producer, readers: [], isOutput: false });
    return tensors.length - 1;
  };
  let last = 0;
  const ends: number[] = [];
  while (nodes.length < numNodes) {
    if (nodes.length % 40 > 30) bytes = Math.max(8_192, bytes * (0.6 + 0.3 * random()));
    const numBranches = 1 + Math.floor(random() * 3);
    const branches = Array.from({ length: numBranches }, () => {
      let end = last;
      const depth = 1 + Math.floor(random() * 3);
      for (let layer = 0; layer < depth; layer++) end = add([add([end], 0.3 + random(), true)], 0.3 + random(), false);
      return end;
    });
    const skip = random() < 0.1 ? ends[Math.floor(random() * ends.length)] : undefined;
    last = add([...new Set([...branches, last, ...(skip === undefined ? [] : [skip])])], 1, false);
    ends.push(last);
  }
  for (const tensor of tensors) if (tensor.readers.length === 0) tensor.isOutput = true;
  return { nodes, tensors };
}

/** Equal in shape to VGG: one layer after the other, tensors that shrink unevenly. */
export function chainNetwork(numNodes: number, random: () => number): CostGraph {
  const nodes: CostNode[] = [];
  const tensors: CostTensor[] = [{ bytes: 602_112, producer: null, readers: [0], isOutput: false }];
  for (let index = 0; index < numNodes; index++) {
    const ms = index % 2 === 0 ? 0.2 + random() : 0.01;
    nodes.push({ headMs: ms, tailMs: ms * (0.8 + 0.4 * random()) });
    const isLast = index === numNodes - 1;
    const size = 4_000_000 * Math.exp((-6 * index) / numNodes) * (0.3 + random());
    tensors.push({
      bytes: Math.ceil(isLast ? 4_000 : size),
      producer: index,
      readers: isLast ? [] : [index + 1],
      isOutput: isLast,
    });
  }
  return { nodes, tensors };
}
