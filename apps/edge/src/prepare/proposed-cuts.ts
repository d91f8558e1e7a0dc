import { type Analysis, type CutDescription, describeCut, type Model, OnnxError, tensorFlow } from '@cutpoint/onnx';
import { type CostGraph, proposeCuts } from '@cutpoint/partition';

/**
 * What a node costs, roughly: its arithmetic and the bytes it moves, at rates of one core. Head and tail cost the same,
 * since d and k scale them. Enough to propose cuts, which are then timed.
 */
const FLOPS_PER_MS = 2e7;
const BYTES_PER_MS = 5e6;

/** Cuts that are worth timing. */
export interface ProposedCuts {
  /** Numbers of prefix cuts. */
  readonly prefixes: ReadonlySet<number>;
  /** Other cuts, numbered from above the local cut; none of them equals a prefix cut. */
  readonly others: readonly CutDescription[];
}

/** The additive costs of a model whose dimensions are fixed. */
export function costGraphOf(model: Model, analysis: Analysis): CostGraph {
  const nodes = analysis.nodes.map(({ flops, inputBytes, outputBytes, weightBytes }) => {
    const ms = flops / FLOPS_PER_MS + (inputBytes + outputBytes + weightBytes) / BYTES_PER_MS;
    return { headMs: ms, tailMs: ms };
  });
  return { nodes, tensors: tensorFlow(model, analysis) };
}

/**
 * Proposes cuts of a model. Those that cannot be run are left out: something that is no tensor would have to cross, or its
 * dimensions depend on the data.
 *
 * @param prefixCuts the prefix cuts that can be run, ascending: equal ones are merged into the one with the smallest head
 */
export function proposedCuts(model: Model, analysis: Analysis, prefixCuts: readonly CutDescription[]): ProposedCuts {
  const numNodes = analysis.nodes.length;
  const prefixes = new Set<number>();
  const others: CutDescription[] = [];
  const known = new Set(prefixCuts.map(boundaryOf));
  for (const { head, prefix } of proposeCuts(costGraphOf(model, analysis))) {
    const cut = described(model, analysis, head, prefix ?? numNodes + 1 + others.length);
    if (cut === undefined || cut.dynamic) continue;
    const boundary = boundaryOf(cut);
    const same = prefixCuts.find((candidate) => boundaryOf(candidate) === boundary);
    if (same !== undefined) prefixes.add(same.id);
    else if (!known.has(boundary)) others.push(cut);
    known.add(boundary);
  }
  return { prefixes, others };
}

function boundaryOf({ crossing, headOutputs }: CutDescription): string {
  return JSON.stringify([[...crossing].sort(), [...headOutputs].sort()]);
}

function described(
  model: Model,
  analysis: Analysis,
  head: ReadonlySet<number>,
  id: number,
): CutDescription | undefined {
  try {
    return describeCut(model, analysis, head, id);
  } catch (error) {
    if (error instanceof OnnxError && error.code === 'non_tensor_crossing') return undefined;
    throw error;
  }
}
