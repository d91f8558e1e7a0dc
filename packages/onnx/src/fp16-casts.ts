import type { GraphProto, NodeProto } from 'onnx-buf';
import { graphOf } from './graph-index.js';
import type { Model } from './model.js';
import { bodiesOf, withFields } from './proto.js';

/**
 * The CPU provider computes most of fp16 in fp32 and saves the casts that it put around each node. It names what they
 * write after what they read, so giving every such tensor its own name back makes each cast copy a name to itself.
 */
const INSERTED = /^Inserted(?:PrecisionFree)?Cast_/;

function originalName(name: string): string {
  return name.replace(INSERTED, '');
}

export function hasInsertedCasts(model: Model): boolean {
  return graphOf(model).node.some((node) => [...node.input, ...node.output].some((name) => INSERTED.test(name)));
}

/** The graph without the casts that a save through the CPU provider added to an fp16 model. */
export function withoutInsertedCasts(model: Model): Model {
  return withFields(model, { graph: strip(graphOf(model)) });
}

function strip(graph: GraphProto): GraphProto {
  const node = graph.node.map(renamed).filter((node) => node.opType !== 'Cast' || node.input[0] !== node.output[0]);
  return withFields(graph, { node });
}

function renamed(node: NodeProto): NodeProto {
  const fields: Partial<NodeProto> = {
    input: node.input.map(originalName),
    output: node.output.map(originalName),
  };
  if (bodiesOf(node).length > 0) {
    fields.attribute = node.attribute.map((attribute) =>
      withFields(attribute, { ...(attribute.g && { g: strip(attribute.g) }), graphs: attribute.graphs.map(strip) }),
    );
  }
  return withFields(node, fields);
}
