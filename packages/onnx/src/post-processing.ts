import type { GraphProto, NodeProto, ValueInfoProto } from 'onnx-buf';
import { dataTypeOf } from './element-type.js';
import { OnnxError } from './errors.js';
import type { NodeWriter } from './node-writer.js';
import { valueInfo } from './proto.js';

/** What is computed from an output, so that no reply carries more than it needs. The manifest's tasks, as nodes. */
export type PostProcessing =
  /** The k best of all classes; the output is flattened, whatever its shape. `softmax` is for logits. */
  | { readonly type: 'top-k'; readonly output: string; readonly k: number; readonly softmax: boolean }
  /** The best class of each step of `[1, t, classes]`. */
  | { readonly type: 'ctc-greedy'; readonly output: string }
  /** A probability map `[1, 1, h, w]`, averaged over `stride` x `stride` and rounded to u8. */
  | { readonly type: 'text-map'; readonly output: string; readonly stride: number };

export type PostOutputs =
  | { readonly type: 'top-k' | 'ctc-greedy'; readonly values: string; readonly indices: string }
  | { readonly type: 'text-map'; readonly map: string; readonly stride: number };

interface Appended {
  readonly nodes: readonly NodeProto[];
  readonly declared: ValueInfoProto[];
  readonly outputs: PostOutputs;
}

/** Largest-first and sorted are attributes from here on, and what earlier versions do. */
const TOPK_WITH_ATTRIBUTES = 11;
/** From here on k is an input. */
const TOPK_WITH_INPUT = 10;

/** @throws OnnxError `unknown_name` when the graph has no such output */
export function appendPostProcessing(writer: NodeWriter, graph: GraphProto, post: PostProcessing): Appended {
  const output = graph.output.find(({ name }) => name === post.output);
  if (!output) {
    const names = graph.output.map(({ name }) => name).join(', ');
    throw new OnnxError('unknown_name', `The model has no output "${post.output}". Its outputs are: ${names}.`);
  }
  const start = writer.nodes.length;
  const source = asFloat32(writer, output);
  const appended = post.type === 'text-map' ? textMap(writer, source, post.stride) : best(writer, source, post);
  return { ...appended, nodes: writer.nodes.slice(start) };
}

function asFloat32(writer: NodeWriter, output: ValueInfoProto): string {
  const isFloat32 =
    output.type?.value.case === 'tensorType' && output.type.value.value.elemType === dataTypeOf('float32');
  return isFloat32 ? output.name : writer.add('Cast', [output.name], { to: BigInt(dataTypeOf('float32')) });
}

function best(
  writer: NodeWriter,
  source: string,
  post: Extract<PostProcessing, { type: 'top-k' | 'ctc-greedy' }>,
): Omit<Appended, 'nodes'> {
  const row = writer.ints('row', [2], [1, -1]).name;
  const values = writer.fresh('values');
  const indices = writer.fresh('indices');
  const int32 = { to: BigInt(dataTypeOf('int32')) };
  if (post.type === 'top-k') {
    let scores = writer.add('Reshape', [source, row]);
    if (post.softmax) scores = writer.add('Softmax', [scores], { axis: 1n });
    const positions = writer.fresh('cutpoint_positions');
    topK(writer, scores, post.k, 1n, [values, positions]);
    writer.addNamed('Cast', [positions], [indices], int32);
  } else {
    const top = writer.fresh('cutpoint_top');
    const positions = writer.fresh('cutpoint_positions');
    topK(writer, source, 1, 2n, [top, positions]);
    writer.addNamed('Reshape', [top, row], [values]);
    writer.addNamed('Cast', [writer.add('Reshape', [positions, row])], [indices], int32);
  }
  const dims = [1, post.type === 'top-k' ? post.k : null];
  return {
    declared: [valueInfo(values, 'float32', dims), valueInfo(indices, 'int32', dims)],
    outputs: { type: post.type, values, indices },
  };
}

function topK(writer: NodeWriter, source: string, k: number, axis: bigint, outputs: readonly string[]): void {
  if (writer.opset < TOPK_WITH_INPUT) {
    writer.addNamed('TopK', [source], outputs, { axis, k: BigInt(k) });
    return;
  }
  const inputs = [source, writer.ints('k', [1], [k]).name];
  const order = writer.opset < TOPK_WITH_ATTRIBUTES ? {} : { largest: 1n, sorted: 1n };
  writer.addNamed('TopK', inputs, outputs, { axis, ...order });
}

function textMap(writer: NodeWriter, source: string, stride: number): Omit<Appended, 'nodes'> {
  const map = writer.fresh('text_map');
  const square = [BigInt(stride), BigInt(stride)];
  let value = source;
  if (stride > 1) value = writer.add('AveragePool', [value], { kernel_shape: square, strides: square });
  value = writer.add('Mul', [value, writer.floats('u8_range', [], [255]).name]);
  // A cast to an integer cuts off what is behind the point.
  value = writer.add('Add', [value, writer.floats('half', [], [0.5]).name]);
  writer.addNamed('Cast', [value], [map], { to: BigInt(dataTypeOf('uint8')) });
  return {
    declared: [valueInfo(map, 'uint8', [1, 1, null, null])],
    outputs: { type: 'text-map', map, stride },
  };
}
