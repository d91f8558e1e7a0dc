import { indexOf } from './graph-index.js';
import type { Model } from './model.js';
import { valueInfo, withFields } from './proto.js';

/** The model with every intermediate as an output, declared by name only: the runtime infers type and dimensions. */
export function expose(model: Model): Model {
  const { graph, producer, outputs } = indexOf(model);
  const intermediates = [...producer.keys()].filter((name) => !outputs.has(name));
  return withFields(model, {
    graph: withFields(graph, { output: [...graph.output, ...intermediates.map((name) => valueInfo(name))] }),
  });
}
