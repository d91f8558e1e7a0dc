import type { CutTable } from './cut-table.js';
import { count, list, type Output, object, oneOf, optional, sha256Schema, tagged, text, triple } from './schema.js';

/**
 * What a client must know of a model. A manifest is small and lists the variants; the cuts of one variant are a
 * separate, content-addressed document ({@link CutTable}), because a network of 300 nodes has 300 of them and a page
 * uses one variant at a time.
 */

/** ONNX tensor element types that may cross the wire, by onnxruntime's names. */
export const TENSOR_TYPES = [
  'float32',
  'float16',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
] as const;
export const tensorTypeSchema = oneOf(TENSOR_TYPES);
export type TensorType = Output<typeof tensorTypeSchema>;

/** A tensor as a graph declares it; every dimension is fixed within one variant. */
export const tensorInfoSchema = object({
  name: text,
  type: tensorTypeSchema,
  dims: list(count),
});
export type TensorInfo = Output<typeof tensorInfoSchema>;

/** How a picture becomes the `u8 [h, w, 3]` input of a pixel variant. Normalisation is inside the graph. */
export const imageInputSchema = object({
  /** The graph input that takes the pixels, `[height, width, 3]`, RGB. */
  input: text,
  height: count,
  width: count,
  /**
   * `contain` keeps the aspect ratio, places the picture at the top left and fills the rest with `pad`; `cover` keeps
   * it and crops the centre; `stretch` does not keep it.
   */
  fit: oneOf(['contain', 'cover', 'stretch']),
  /** RGB of the filled area, 0..255. */
  pad: triple(count),
});
export type ImageInput = Output<typeof imageInputSchema>;

export const taskSchema = tagged({
  tensors: {},
  classification: { values: text, indices: text, labels: list(text) },
  'text-recognition': { values: text, indices: text, labels: list(text) },
  'text-detection': { map: text, stride: count },
});
/**
 * What the outputs of the pixel variant mean, so that an app can show them.
 * - `classification`: `values` f32 [1, k] and `indices` i32 [1, k], best first; `labels[index]` is the name.
 * - `text-recognition`: `values` f32 [1, t] and `indices` i32 [1, t] per time step; CTC, index 0 is blank and
 *   `labels[index]` the character.
 * - `text-detection`: `map` u8 [1, 1, h / stride, w / stride], the probability of text times 255.
 * - `tensors`: outputs as in the file; nothing is known of their meaning.
 * @useDeclaredType
 */
export type Task = Output<typeof taskSchema>;

export const packSchema = object({ sha256: sha256Schema, numBytes: count });
export type Pack = Output<typeof packSchema>;

export const variantSchema = object({
  /** Unique within the model, for people: `tensors:x=1,3,640,640` or `pixels:640x640` (height x width). */
  id: text,
  kind: oneOf(['tensors', 'pixels']),
  inputs: list(tensorInfoSchema),
  outputs: list(tensorInfoSchema),
  /** Present if and only if `kind` is `pixels`. */
  image: optional(imageInputSchema),
  /** Content hash of this variant's {@link CutTable} JSON, at `/v1/tables/:sha256`. */
  table: sha256Schema,
});
/**
 * One servable form of the model at fixed dimensions: `tensors` has inputs and outputs exactly as in the file,
 * `pixels` takes a picture and carries the post-processing. All variants of a model share its packs.
 * @useDeclaredType
 */
export type Variant = Output<typeof variantSchema>;

export const manifestSchema = object({
  format: oneOf(['cutpoint.manifest.v1']),
  model: text,
  version: text,
  /** One line for people, with the credit that the model's licence asks for. */
  description: text,
  task: taskSchema,
  packs: list(packSchema),
  variants: list(variantSchema),
});
/** What a client must know of a model; of the cuts of one variant its {@link CutTable} tells. @useDeclaredType */
export type Manifest = Output<typeof manifestSchema>;
