import type { NodeProto } from 'onnx-buf';
import { countElements } from './element-type.js';
import { intAttribute, intsAttribute } from './proto.js';

/** Dimensions of a node's tensors; `undefined` where there is none or it is not known. */
export interface NodeShapes {
  readonly inputs: readonly (readonly number[] | undefined)[];
  readonly outputs: readonly (readonly number[] | undefined)[];
}

/** Moves or relabels data and computes nothing. */
const MOVES = new Set(
  (
    'Reshape Transpose Concat Split Slice Squeeze Unsqueeze Flatten Identity Dropout Gather GatherElements GatherND ' +
    'Scatter ScatterElements ScatterND Shape Size Expand Tile Pad DepthToSpace SpaceToDepth Constant ConstantOfShape ' +
    'Cast CastLike Range OneHot EyeLike ReverseSequence SequenceAt SequenceConstruct SequenceEmpty SequenceInsert ' +
    'SequenceErase SequenceLength SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement ' +
    'If Loop Scan'
  ).split(' '),
);

/** Rough operations per output element of what is more than one. */
const PER_ELEMENT: Readonly<Record<string, number>> = {
  BatchNormalization: 2,
  InstanceNormalization: 8,
  GroupNormalization: 8,
  LayerNormalization: 8,
  RMSNormalization: 6,
  SkipLayerNormalization: 9,
  LpNormalization: 4,
  LRN: 12,
  Softmax: 5,
  LogSoftmax: 6,
  Gelu: 10,
  Erf: 8,
  Sigmoid: 4,
  HardSigmoid: 3,
  HardSwish: 4,
  Tanh: 6,
  Resize: 7,
  Upsample: 7,
  GridSample: 10,
};

const count = (dims: readonly number[] | undefined): number => (dims ? countElements(dims) : 0);

/**
 * Floating-point operations of one node from the shapes of its tensors; a multiply-add counts as two. Convolutions and
 * matrix products are exact, the rest is an estimate: it is orders of magnitude smaller.
 */
export function flopsOf(node: NodeProto, { inputs, outputs }: NodeShapes): number {
  const [a, b, c] = inputs;
  const out = count(outputs[0]);
  switch (node.opType) {
    case 'Conv':
    case 'ConvInteger':
    case 'QLinearConv':
    case 'FusedConv': {
      const weight = node.opType === 'QLinearConv' ? inputs[3] : b;
      // [out, in / group, k…]: the products of one output element.
      return weight ? out * (2 * countElements(weight.slice(1)) + (c && node.opType !== 'QLinearConv' ? 1 : 0)) : out;
    }
    case 'ConvTranspose':
      // [in, out / group, k…]: the products that one input element takes part in.
      return b ? 2 * count(a) * countElements(b.slice(1)) + (c ? out : 0) : out;
    case 'Gemm':
    case 'FusedGemm': {
      const inner = intAttribute(node, 'transA') ? a?.[0] : a?.[1];
      return 2 * out * (inner ?? 1) + (c ? out : 0);
    }
    case 'MatMul':
    case 'MatMulInteger':
    case 'QLinearMatMul':
    case 'FusedMatMul':
      return 2 * out * (a?.at(-1) ?? 1);
    case 'MatMulNBits':
      return 2 * out * (intAttribute(node, 'K') ?? a?.at(-1) ?? 1);
    case 'Einsum':
      // The contracted size is what the inputs have more than the output.
      return 2 * Math.max(out, Math.sqrt(count(a) * count(b) * out) || count(a));
    case 'LSTM':
      return recurrent(a, b, inputs[2], 4);
    case 'GRU':
      return recurrent(a, b, inputs[2], 3);
    case 'RNN':
      return recurrent(a, b, inputs[2], 1);
    case 'MaxPool':
    case 'AveragePool':
    case 'LpPool':
      return out * countElements(intsAttribute(node, 'kernel_shape') ?? [1]);
    case 'TopK':
      return count(a) * Math.ceil(Math.log2(Math.max(2, outputs[0]?.at(-1) ?? 2)));
    default:
      break;
  }
  if (MOVES.has(node.opType)) return 0;
  if (/^(Global|Reduce|Arg|CumSum)/.test(node.opType)) return count(a);
  return outputs.reduce((sum, dims) => sum + count(dims), 0) * (PER_ELEMENT[node.opType] ?? 1);
}

/** [t, n, in] against weights [directions, gates * hidden, in] and [directions, gates * hidden, hidden]. */
function recurrent(
  input: readonly number[] | undefined,
  weight: readonly number[] | undefined,
  recurrence: readonly number[] | undefined,
  gates: number,
): number {
  if (!input || !weight || !recurrence) return 0;
  const steps = (input[0] ?? 1) * (input[1] ?? 1);
  const pointwise = (weight[0] ?? 1) * (recurrence[2] ?? 1) * (gates + 5);
  return steps * (2 * (countElements(weight) + countElements(recurrence)) + pointwise);
}
