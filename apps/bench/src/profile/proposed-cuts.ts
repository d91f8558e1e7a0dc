import { type CutDescription, describeCut, tensorFlow, withActivations } from '@cutpoint/onnx';
import { type CostNode, proposeCuts } from '@cutpoint/partition';
import type { PreparedNetwork } from './prepared-network.js';

/** What a slow core does in a ms. Only the ratio matters: nodes that compute little take the time that their bytes take. */
const FLOPS_PER_MS = 2e7;
const BYTES_PER_MS = 5e6;

/**
 * The cuts that a parametric search finds cheapest under some conditions, before anything is timed: FLOPs and bytes stand
 * for time. Prefixes are taken from the network's list; the others get numbers above all prefixes.
 */
export function proposedCuts(
  { model, analysis, cuts }: Pick<PreparedNetwork, 'model' | 'analysis' | 'cuts'>,
  maxCuts: number,
): CutDescription[] {
  const nodes = analysis.nodes.map(({ flops, inputBytes, outputBytes, weightBytes }): CostNode => {
    const ms = flops / FLOPS_PER_MS + (inputBytes + outputBytes + weightBytes) / BYTES_PER_MS;
    return { headMs: ms, tailMs: ms };
  });
  const proposed = proposeCuts({ nodes, tensors: tensorFlow(model, analysis) }, { maxCuts });
  const found = new Set<CutDescription>();
  let nextId = nodes.length + 1;
  for (const { head } of proposed) {
    // Not between a layer and its activation: the cut behind the two sends as much and loses less in 8 bits.
    const whole = withActivations(head, model, analysis);
    const isPrefix = whole.size === 0 || Math.max(...whole) === whole.size - 1;
    const cut = isPrefix
      ? // Equal prefixes are listed once, as the smallest of them.
        cuts.findLast(({ id }) => id <= whole.size)
      : describeCut(model, analysis, whole, nextId++);
    if (cut !== undefined) found.add(cut);
  }
  return [...found].sort((a, b) => a.id - b.id);
}
