import { create } from '@bufbuild/protobuf';
import { AttributeProtoSchema, AttributeProto_AttributeType as AttributeType, GraphProtoSchema } from 'onnx-buf';
import { cleanModel } from './clean.js';
import { dataTypeOf } from './element-type.js';
import { indexOf } from './graph-index.js';
import type { Model } from './model.js';
import { NodeWriter } from './node-writer.js';
import { node, rawTensor, valueInfo, withFields } from './proto.js';

/**
 * The whole model with a barrier between some fp16 tensors and all that read them. A runtime that computes fp16 in fp32
 * skips the rounding between two nodes; behind a barrier it rounds to the type that the file declares, as it must when
 * the tensor crosses a cut. Open the result without graph optimisation, which would take the barriers out.
 *
 * @param names fp16 tensors that nodes read
 */
export function withBarriers(model: Model, names: readonly string[]): Model {
  const { graph } = indexOf(model);
  const writer = new NodeWriter(model);
  const always = rawTensor(writer.fresh('cutpoint_always'), dataTypeOf('bool'), [], Uint8Array.of(1));
  const renamed = new Map(names.map((name) => [name, addBarrier(writer, always.name, name)]));
  const readers = graph.node.map((node) =>
    withFields(node, { input: node.input.map((name) => renamed.get(name) ?? name) }),
  );
  return cleanModel(
    withFields(model, {
      graph: withFields(graph, {
        node: [...writer.nodes, ...readers],
        initializer: [...graph.initializer, always],
      }),
    }),
  );
}

/** An `If` of two equal branches: a plain `Identity` between nodes that run in fp32 would run in fp32 as well. */
function addBarrier(writer: NodeWriter, condition: string, name: string): string {
  const output = writer.fresh('cutpoint_barrier');
  const barrier = node('If', [condition], [output]);
  for (const branch of ['then_branch', 'else_branch']) {
    const copy = writer.fresh(`cutpoint_${branch}`);
    const g = create(GraphProtoSchema, {
      name: branch,
      node: [node('Identity', [name], [copy])],
      output: [valueInfo(copy, 'float16')],
    });
    barrier.attribute.push(create(AttributeProtoSchema, { name: branch, type: AttributeType.GRAPH, g }));
  }
  writer.nodes.push(barrier);
  return output;
}
