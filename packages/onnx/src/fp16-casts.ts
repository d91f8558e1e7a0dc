import type { GraphProto, NodeProto } from 'onnx-buf';
import { graphOf } from './graph-index.js';
import type { Model } from './model.js';
import { bodiesOf, withFields } from './proto.js';

/**
 * The CPU provider computes most of fp16 in fp32 and saves the casts that it put around each node. It names what they
 * write after what they read, so giving every such tensor its own name back makes each cast copy a name to itself.
 */
const INSERTED = /^Inserted(?:PrecisionFree)?Cast_/;

/** What onnxruntime puts behind a name that it has given before. */
const REPEATED = /_token_\d+$/;

function originalName(name: string, known: ReadonlySet<string>): string {
  if (!INSERTED.test(name)) return name;
  const original = name.replace(INSERTED, '');
  const first = original.replace(REPEATED, '');
  return !known.has(original) && known.has(first) ? first : original;
}

export function hasInsertedCasts(model: Model): boolean {
  return graphOf(model).node.some((node) => [...node.input, ...node.output].some((name) => INSERTED.test(name)));
}

/**
 * The graph without the casts that a save through the CPU provider added to an fp16 model.
 *
 * @param known names of tensors before the save
 */
export function withoutInsertedCasts(model: Model, known: ReadonlySet<string>): Model {
  return withFields(model, { graph: strip(graphOf(model), known) });
}

function strip(graph: GraphProto, known: ReadonlySet<string>): GraphProto {
  const node = graph.node
    .map((node) => renamed(node, known))
    .filter((node) => node.opType !== 'Cast' || node.input[0] !== node.output[0]);
  return withFields(graph, { node });
}

function renamed(node: NodeProto, known: ReadonlySet<string>): NodeProto {
  const rename = (name: string): string => originalName(name, known);
  const inside = (body: GraphProto): GraphProto => strip(body, known);
  const fields: Partial<NodeProto> = {
    input: node.input.map(rename),
    output: node.output.map(rename),
  };
  if (bodiesOf(node).length > 0) {
    fields.attribute = node.attribute.map((attribute) =>
      withFields(attribute, { ...(attribute.g && { g: inside(attribute.g) }), graphs: attribute.graphs.map(inside) }),
    );
  }
  return withFields(node, fields);
}
