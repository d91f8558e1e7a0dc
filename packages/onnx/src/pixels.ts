import type { NodeProto, TensorProto, ValueInfoProto } from 'onnx-buf';
import { cleanModel } from './clean.js';
import { dimsOf, fixDims } from './dims.js';
import { dataTypeOf, elementTypeOf } from './element-type.js';
import { OnnxError } from './errors.js';
import { graphOf } from './graph-index.js';
import type { Model } from './model.js';
import { NodeWriter } from './node-writer.js';
import { appendPostProcessing, type PostOutputs, type PostProcessing } from './post-processing.js';
import { valueInfo, withFields } from './proto.js';

/** The oldest operator set whose arithmetic broadcasts as numpy's does. */
const OLDEST_OPSET = 7;

/** How `u8 [h, w, 3]` RGB becomes the model's own input; a model config's `pixels` with one size picked. */
export interface PixelInput {
  readonly input: string;
  readonly channels: 'rgb' | 'bgr';
  /** Per channel in the model's own channel order: (value - mean) / std, values 0..255. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly height: number;
  readonly width: number;
}

export interface PixelVariant {
  readonly model: Model;
  /** The graph input that takes the pixels, `u8 [h, w, 3]` RGB. */
  readonly input: string;
  /** Names of the outputs, by their meaning in the manifest's task. */
  readonly outputs: { readonly type: 'tensors' } | PostOutputs;
}

/**
 * Puts normalisation before the network and post-processing after it, as graph nodes, so that cuts among them exist.
 * With `post`, the post-processed values are the only outputs. Optimise the result, not the input.
 *
 * @throws OnnxError `unknown_name`, `dims_mismatch`, `unsupported` (operator set below 7)
 */
export function buildPixelVariant(
  model: Model,
  options: { readonly pixels: PixelInput; readonly post?: PostProcessing | undefined },
): PixelVariant {
  const { pixels, post } = options;
  const fixed = fixDims(cleanModel(model), { [pixels.input]: [1, 3, pixels.height, pixels.width] });
  const graph = graphOf(fixed);
  const writer = new NodeWriter(fixed);
  if (writer.opset < OLDEST_OPSET) {
    throw new OnnxError(
      'unsupported',
      `The model uses operator set ${writer.opset}; a pixel variant needs ${OLDEST_OPSET} or later. Export it again.`,
    );
  }
  const target = graph.input.find(({ name }) => name === pixels.input);
  if (!target || dimsOf(target)?.length !== 4) {
    throw new OnnxError('dims_mismatch', `Input "${pixels.input}" takes no picture: it is not [1, 3, height, width].`);
  }
  const image = writer.fresh('image');
  const before = prependNormalisation(writer, image, pixels, elementCode(target));
  const after = post && appendPostProcessing(writer, graph, post);
  return {
    model: withFields(fixed, {
      graph: withFields(graph, {
        node: [...before, ...graph.node, ...(after?.nodes ?? [])],
        initializer: [...graph.initializer, ...writer.constants],
        input: graph.input.map((input) =>
          input === target ? valueInfo(image, 'uint8', [pixels.height, pixels.width, 3]) : input,
        ),
        output: after ? after.declared : graph.output,
      }),
    }),
    input: image,
    outputs: after ? after.outputs : { type: 'tensors' },
  };
}

function elementCode(value: ValueInfoProto): number {
  return value.type?.value.case === 'tensorType' ? value.type.value.value.elemType : 0;
}

/** `u8 [h, w, 3]` to the model's own input. Computed in fp32, so that pixels of fp16 models lose nothing on the way. */
function prependNormalisation(
  writer: NodeWriter,
  image: string,
  { input, channels, mean, std, height, width }: PixelInput,
  elemType: number,
): readonly NodeProto[] {
  const type = elementTypeOf(elemType);
  if (type !== 'float32' && type !== 'float16') {
    throw new OnnxError('unsupported', `Input "${input}" is no float32 or float16 tensor: it cannot take a picture.`);
  }
  const start = writer.nodes.length;
  const perChannel = (name: string, values: readonly number[]): TensorProto => writer.floats(name, [3, 1, 1], values);
  let value = writer.add('Cast', [image], { to: BigInt(dataTypeOf('float32')) });
  value = writer.add('Transpose', [value], { perm: [2n, 0n, 1n] });
  if (channels === 'bgr') value = writer.add('Gather', [value, writer.ints('bgr', [3], [2, 1, 0]).name], { axis: 0n });
  if (mean.some((m) => m !== 0)) value = writer.add('Sub', [value, perChannel('mean', mean).name]);
  if (std.some((s) => s !== 1)) value = writer.add('Div', [value, perChannel('std', std).name]);
  // Not Unsqueeze, whose axes moved from attribute to input in operator set 13.
  const shape = writer.ints('input_shape', [4], [1, 3, height, width]).name;
  if (type === 'float32') writer.addNamed('Reshape', [value, shape], [input]);
  else {
    value = writer.add('Reshape', [value, shape]);
    writer.addNamed('Cast', [value], [input], { to: BigInt(dataTypeOf(type)) });
  }
  return writer.nodes.slice(start);
}

export type { PostOutputs, PostProcessing } from './post-processing.js';
