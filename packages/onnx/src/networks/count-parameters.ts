import { graphOf } from '../graph-index.js';
import type { Model } from '../model.js';

/**
 * Trained numbers of a model as papers count them: every weight and bias, and scale and shift of batch normalisations but
 * not their running statistics, which no gradient reaches.
 *
 * @param model as exported: optimising folds batch normalisations into the convolutions before them
 */
export function countParameters(model: Model): number {
  const graph = graphOf(model);
  const statistics = new Set<string | undefined>();
  for (const { opType, input } of graph.node) {
    if (opType === 'BatchNormalization') for (const name of input.slice(3)) statistics.add(name);
  }
  let count = 0;
  for (const { name, dims } of graph.initializer) {
    if (!statistics.has(name)) count += dims.reduce((product, dim) => product * Number(dim), 1);
  }
  return count;
}
