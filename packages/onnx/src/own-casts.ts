import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  GraphProtoSchema,
  type NodeProto,
} from 'onnx-buf';
import { dataTypeOf, elementTypeOf } from './element-type.js';
import { graphOf, indexOf, readsOf } from './graph-index.js';
import type { Model } from './model.js';
import { NodeWriter } from './node-writer.js';
import { intAttribute, isStandard, node, valueInfo, withFields } from './proto.js';

const FLOAT16 = dataTypeOf('float16');

/** An fp16 model whose own casts are hidden, and the name of the input that marks them. */
export interface HiddenCasts {
  readonly model: Model;
  readonly marker: string | undefined;
}

/**
 * Saving an fp16 model, onnxruntime merges casts of the model's own with those that it adds, and what it added can no
 * longer be told from what must stay. So each of the model's own becomes an `If` with a condition that nobody knows,
 * which no optimisation looks into, until {@link restoreCasts}. Casts of weights stay to be folded.
 */
export function hideCasts(model: Model): HiddenCasts {
  const { graph, constants } = indexOf(model);
  const usesHalf =
    graph.initializer.some(({ dataType }) => dataType === FLOAT16) ||
    graph.input.some(({ type }) => type?.value.case === 'tensorType' && type.value.value.elemType === FLOAT16);
  const isOwn = (node: NodeProto): boolean => isCast(node) && !constants.has(node.input[0] ?? '');
  if (!usesHalf || !graph.node.some(isOwn)) return { model, marker: undefined };
  const writer = new NodeWriter(model);
  const marker = writer.fresh('cutpoint_own_cast');
  return {
    marker,
    model: withFields(model, {
      graph: withFields(graph, {
        input: [...graph.input, valueInfo(marker, 'bool', [])],
        node: graph.node.map((node) => (isOwn(node) ? hidden(node, marker, writer) : node)),
      }),
    }),
  };
}

/** Puts the casts back where {@link hideCasts} took them. */
export function restoreCasts(model: Model, marker: string | undefined): Model {
  if (marker === undefined) return model;
  const graph = graphOf(model);
  return withFields(model, {
    graph: withFields(graph, {
      input: graph.input.filter(({ name }) => name !== marker),
      node: graph.node.map((node) => (node.input[0] === marker ? restored(node, marker) : node)),
    }),
  });
}

function isCast(node: NodeProto): boolean {
  const to = intAttribute(node, 'to');
  return node.opType === 'Cast' && isStandard(node) && to !== undefined && elementTypeOf(to) !== undefined;
}

function hidden(cast: NodeProto, marker: string, writer: NodeWriter): NodeProto {
  const [input = ''] = cast.input;
  const to = intAttribute(cast, 'to') ?? 0;
  const conditional = withFields(node('If', [marker], cast.output), { name: cast.name });
  for (const branch of ['then_branch', 'else_branch']) {
    const output = writer.fresh(`cutpoint_${branch}`);
    const g = create(GraphProtoSchema, {
      name: branch,
      node: [node('Cast', [input], [output], { to: BigInt(to) })],
      output: [valueInfo(output, elementTypeOf(to))],
    });
    conditional.attribute.push(create(AttributeProtoSchema, { name: branch, type: AttributeType.GRAPH, g }));
  }
  return conditional;
}

/** The type is what the branch declares; the input is what it takes from outside, under whatever name it has by now. */
function restored(conditional: NodeProto, marker: string): NodeProto {
  const [input = ''] = [...readsOf(conditional)].filter((name) => name !== marker);
  const declared = conditional.attribute[0]?.g?.output[0]?.type?.value;
  const to = declared?.case === 'tensorType' ? declared.value.elemType : 0;
  return withFields(node('Cast', [input], conditional.output, { to: BigInt(to) }), { name: conditional.name });
}
