import { TensorProto_DataType as DataType, type NodeProto, type TensorProto } from 'onnx-buf';
import type { NodeWriter } from './node-writer.js';
import { intAttribute, intsAttribute, withAttribute, withFields } from './proto.js';
import { isExternal, tensorBytes } from './tensor-data.js';

/**
 * Where a value has the inputs of a batch: along its first dimension, which is 1 for one input (`leading`), or along one that was put
 * before all others (`added`). A value without a layout is the same for all.
 */
export type Layout = 'leading' | 'added';

/** A node whose inputs are to become those of a batch. */
export interface BatchedNode {
  readonly node: NodeProto;
  /** Of its inputs, in their order. */
  readonly layouts: readonly (Layout | undefined)[];
  /** Dimensions of a value for one input. */
  readonly dims: (name: string | undefined) => readonly number[] | undefined;
  /** A constant that lies in the graph. */
  readonly constant: (name: string | undefined) => TensorProto | undefined;
  /** For what the new node reads beside what was there. */
  readonly writer: NodeWriter;
}

export interface Batched {
  /** Of all its outputs. */
  readonly layout: Layout;
  /** The node that does the same for a batch; left out when it does so as it is. */
  readonly node?: NodeProto;
}

/** `undefined` where an output for one input would depend on the others, or where that is not known. */
type Rule = (batched: BatchedNode) => Batched | undefined;

const LEADING: Batched = { layout: 'leading' };

/** The layout of the first input, when all others are constants. */
function only({ layouts: [first, ...others] }: BatchedNode): Layout | undefined {
  return others.every((layout) => layout === undefined) ? first : undefined;
}

const isOnlyLeading = (batched: BatchedNode): boolean => only(batched) === 'leading';

function rankOf({ node, dims }: BatchedNode, input = 0): number {
  return dims(node.input[input])?.length ?? 0;
}

/** Axes from 0; `undefined` when there are none to be read. */
function axesOf(batched: BatchedNode, { input, rank = rankOf(batched) }: { input?: number; rank?: number } = {}) {
  const { node, constant } = batched;
  const given = intsAttribute(node, 'axes') ?? (input === undefined ? undefined : intsOf(constant(node.input[input])));
  return given?.map((axis) => (axis < 0 ? axis + rank : axis));
}

function axisOf(batched: BatchedNode, fallback: number): number {
  const axis = intAttribute(batched.node, 'axis') ?? fallback;
  return axis < 0 ? axis + rankOf(batched) : axis;
}

function intsOf(tensor: TensorProto | undefined): readonly number[] | undefined {
  if (tensor === undefined || isExternal(tensor)) return undefined;
  const { buffer, byteOffset, byteLength } = tensorBytes(tensor).slice();
  if (tensor.dataType === DataType.INT64)
    return Array.from(new BigInt64Array(buffer, byteOffset, byteLength / 8), Number);
  return tensor.dataType === DataType.INT32
    ? Array.from(new Int32Array(buffer, byteOffset, byteLength / 4))
    : undefined;
}

function floatsOf(tensor: TensorProto | undefined): readonly number[] | undefined {
  if (tensor === undefined || isExternal(tensor) || tensor.dataType !== DataType.FLOAT) return undefined;
  const { buffer, byteOffset, byteLength } = tensorBytes(tensor).slice();
  return Array.from(new Float32Array(buffer, byteOffset, byteLength / 4));
}

/** Each element of the output is of the elements at its place: those of a batch must stand at the same place of all inputs. */
const elementwise: Rule = ({ node, layouts, dims }) => {
  const known = [...new Set(layouts.filter((layout) => layout !== undefined))];
  const [layout] = known;
  const rank = dims(node.output[0])?.length;
  if (layout === undefined || known.length > 1 || rank === undefined) return undefined;
  const isAligned = node.input.every((name, index) => {
    const own = dims(name)?.length;
    if (name === '') return true;
    return own !== undefined && (layouts[index] === undefined ? own <= rank : own === rank);
  });
  return isAligned ? { layout } : undefined;
};

/**
 * Convolutions, pooling, normalisation: one picture after another. What some give beside it (statistics of the batch, places counted
 * over all of it) is not of one.
 */
const perItem: Rule = (batched) => {
  const { node } = batched;
  const isPlain = node.output.length === 1 && (intAttribute(node, 'training_mode') ?? 0) === 0;
  return isPlain && isOnlyLeading(batched) ? LEADING : undefined;
};

/** @param fallback of the attribute `axis` */
function alongAxis(fallback: number): Rule {
  return (batched) => (isOnlyLeading(batched) && axisOf(batched, fallback) > 0 ? LEADING : undefined);
}

const reduction: Rule = (batched) => {
  const axes = axesOf(batched, { input: 1 });
  return isOnlyLeading(batched) && axes !== undefined && axes.length > 0 && !axes.includes(0) ? LEADING : undefined;
};

const unsqueeze: Rule = (batched) => {
  const { node, dims } = batched;
  const rank = dims(node.output[0])?.length;
  const axes = rank === undefined ? undefined : axesOf(batched, { input: 1, rank });
  return isOnlyLeading(batched) && axes !== undefined && !axes.includes(0) ? LEADING : undefined;
};

const slice: Rule = (batched) => {
  const axes = axesOf(batched, { input: 3 });
  return isOnlyLeading(batched) && axes !== undefined && !axes.includes(0) ? LEADING : undefined;
};

const pad: Rule = (batched) => {
  const { node, constant } = batched;
  const pads = intsAttribute(node, 'pads') ?? intsOf(constant(node.input[1]));
  const isOfAllAxes = node.input[3] === undefined || node.input[3] === '';
  const isClear = pads?.[0] === 0 && pads[rankOf(batched)] === 0 && isOfAllAxes;
  return isOnlyLeading(batched) && isClear ? LEADING : undefined;
};

const resize: Rule = (batched) => {
  const { node, constant } = batched;
  const scales = floatsOf(constant(node.input[node.opType === 'Upsample' ? 1 : 2]));
  const isOfAllAxes = intsAttribute(node, 'axes') === undefined;
  return isOnlyLeading(batched) && scales?.[0] === 1 && isOfAllAxes ? LEADING : undefined;
};

const tile: Rule = (batched) =>
  isOnlyLeading(batched) && intsOf(batched.constant(batched.node.input[1]))?.[0] === 1 ? LEADING : undefined;

const flatten: Rule = (batched) => (isOnlyLeading(batched) && axisOf(batched, 1) === 1 ? LEADING : undefined);

const concat: Rule = (batched) =>
  batched.layouts.every((layout) => layout === 'leading') && axisOf(batched, 0) > 0 ? LEADING : undefined;

const gemm: Rule = (batched) =>
  isOnlyLeading(batched) && (intAttribute(batched.node, 'transA') ?? 0) === 0 ? LEADING : undefined;

/** Products of the last two dimensions; those before are of a batch, and broadcast. */
const matMul: Rule = (batched) => {
  const { layouts } = batched;
  const [a, b] = [rankOf(batched, 0), rankOf(batched, 1)];
  const [ofA, ofB] = layouts;
  if (ofA === 'leading' && ofB === undefined) return a >= 2 && b >= 1 && (b <= 2 || b <= a) ? LEADING : undefined;
  if (ofA === undefined && ofB === 'leading') return b >= 3 && a <= b ? LEADING : undefined;
  return ofA === 'leading' && ofB === 'leading' && a === b && a >= 3 ? LEADING : undefined;
};

/** A shape says 1 where the batch will be; 0 takes over what the input has there. */
const reshape: Rule = (batched) => {
  const { node, constant, writer } = batched;
  const [first, ...rest] = intsOf(constant(node.input[1])) ?? [];
  const isOfOne = first === 0 || first === 1 || (first === -1 && !rest.includes(-1));
  const layout = only(batched);
  if (layout === undefined || !isOfOne || (intAttribute(node, 'allowzero') ?? 0) !== 0) return undefined;
  // Zeros behind the first stand for dimensions that have moved.
  if (layout === 'added' && (first !== 1 || rest.includes(0))) return undefined;
  const shape = writer.ints('batch_shape', [rest.length + 1], [0, ...rest]).name;
  return { layout: 'leading', node: withFields(node, { input: [node.input[0] ?? '', shape] }) };
};

const transpose: Rule = (batched) => {
  const { node } = batched;
  const layout = only(batched);
  const perm =
    intsAttribute(node, 'perm') ?? Array.from({ length: rankOf(batched) }, (_, i) => rankOf(batched) - 1 - i);
  if (layout === 'leading') return perm[0] === 0 ? LEADING : undefined;
  return layout && { layout, node: withAttribute(node, 'perm', [0n, ...perm.map((axis) => BigInt(axis + 1))]) };
};

const gather: Rule = (batched) => {
  const { node, layouts } = batched;
  const [data, indices] = layouts;
  const axis = axisOf(batched, 0);
  if (data === undefined) return indices === 'leading' && axis === 0 ? LEADING : undefined;
  if (indices !== undefined) return undefined;
  if (data === 'leading') return axis > 0 ? LEADING : undefined;
  return { layout: data, node: withAttribute(node, 'axis', BigInt(axis + 1)) };
};

/** Until operator set 12 it took all dimensions from the axis on as one. */
const softmax: Rule = (batched) => alongAxis(batched.writer.opset < 13 ? 1 : -1)(batched);

/** Operators by their rule, in lines for people. */
const ELEMENTWISE =
  'Abs Add And Cast Ceil Clip Cos Div Dropout Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity ' +
  'LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu Sigmoid Sign Sin ' +
  'Softplus Softsign Sqrt Sub Sum Tanh ThresholdedRelu Where Xor';
const PER_ITEM =
  'AveragePool BatchNormalization Conv ConvTranspose DepthToSpace GlobalAveragePool GlobalMaxPool GroupNormalization ' +
  'InstanceNormalization LRN LpPool MaxPool SpaceToDepth';
const REDUCTIONS =
  'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Squeeze';

const ruled = (opTypes: string, rule: Rule) => opTypes.split(' ').map((opType) => [opType, rule] as const);

const RULES: ReadonlyMap<string, Rule> = new Map([
  ...ruled(ELEMENTWISE, elementwise),
  ...ruled(PER_ITEM, perItem),
  ...ruled(REDUCTIONS, reduction),
  ...ruled('ArgMax ArgMin Split', alongAxis(0)),
  ...ruled('LayerNormalization TopK', alongAxis(-1)),
  ...ruled('LogSoftmax Softmax', softmax),
  ...ruled('Resize Upsample', resize),
  ['Concat', concat],
  ['Flatten', flatten],
  ['Gather', gather],
  ['Gemm', gemm],
  ['MatMul', matMul],
  ['Pad', pad],
  ['Reshape', reshape],
  ['Slice', slice],
  ['Tile', tile],
  ['Transpose', transpose],
  ['Unsqueeze', unsqueeze],
]);

/** What a node is for a batch, when one input's outputs do not depend on the others; `undefined` also for operators that are not known. */
export function batchedNode(batched: BatchedNode): Batched | undefined {
  return RULES.get(batched.node.opType)?.(batched);
}
