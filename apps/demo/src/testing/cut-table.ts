import type { Cut, CutTable } from '@cutpoint/client';

/** A cut at which nothing crosses, nothing takes time and nothing can be run. */
export const EMPTY_CUT: Cut = {
  id: 0,
  headNodes: 0,
  crossing: [],
  headOutputs: [],
  tailOutputs: [],
  headGraph: null,
  tailGraph: null,
  headPacks: [],
  bytesUp: 0,
  bytesDown: 0,
  headFlops: 0,
  headMs: 0,
  tailMs: 0,
  timed: true,
};

/** The cut table of a network whose nodes follow each other. */
export function chainTable(
  variant: string,
  { tensors, nodes, cuts }: Pick<CutTable, 'tensors' | 'nodes' | 'cuts'>,
): CutTable {
  const profile = { machine: 'test', provider: 'cpu', threads: 1 };
  return { format: 'cutpoint.cuts.v1', model: 'chain', variant, tensors, nodes, cuts, profile };
}
