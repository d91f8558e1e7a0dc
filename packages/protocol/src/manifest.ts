import * as v from 'valibot';
import { calibrationSchema, fidelitySchema } from './fidelity.js';

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
export const tensorTypeSchema = v.picklist(TENSOR_TYPES);
export type TensorType = v.InferOutput<typeof tensorTypeSchema>;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const ms = v.pipe(v.number(), v.finite(), v.minValue(0));
export const sha256Schema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** A tensor as a graph declares it; every dimension is fixed within one variant. */
export const tensorInfoSchema = v.object({
  name: v.string(),
  type: tensorTypeSchema,
  dims: v.array(count),
});
export type TensorInfo = v.InferOutput<typeof tensorInfoSchema>;

/** How a picture becomes the `u8 [h, w, 3]` input of a pixel variant. Normalisation is inside the graph. */
export const imageInputSchema = v.object({
  /** The graph input that takes the pixels, `[height, width, 3]`, RGB. */
  input: v.string(),
  height: count,
  width: count,
  /**
   * `contain` keeps the aspect ratio, places the picture at the top left and fills the rest with `pad`; `cover` keeps
   * it and crops the centre; `stretch` does not keep it.
   */
  fit: v.picklist(['contain', 'cover', 'stretch']),
  /** RGB of the filled area, 0..255. */
  pad: v.tuple([count, count, count]),
});
export type ImageInput = v.InferOutput<typeof imageInputSchema>;

/**
 * What the outputs of the pixel variant mean, so that an app can show them.
 * - `classification`: `values` f32 [1, k] and `indices` i32 [1, k], best first; `labels[index]` is the name.
 * - `text-recognition`: `values` f32 [1, t] and `indices` i32 [1, t] per time step; CTC, index 0 is blank and
 *   `labels[index]` the character.
 * - `text-detection`: `map` u8 [1, 1, h / stride, w / stride], the probability of text times 255.
 * - `tensors`: outputs as in the file; nothing is known of their meaning.
 */
export const taskSchema = v.variant('type', [
  v.object({ type: v.literal('tensors') }),
  v.object({
    type: v.literal('classification'),
    values: v.string(),
    indices: v.string(),
    labels: v.array(v.string()),
  }),
  v.object({
    type: v.literal('text-recognition'),
    values: v.string(),
    indices: v.string(),
    labels: v.array(v.string()),
  }),
  v.object({ type: v.literal('text-detection'), map: v.string(), stride: count }),
]);
export type Task = v.InferOutput<typeof taskSchema>;

export const packSchema = v.object({ sha256: sha256Schema, numBytes: count });
export type Pack = v.InferOutput<typeof packSchema>;

/**
 * One servable form of the model at fixed dimensions: `tensors` has inputs and outputs exactly as in the file,
 * `pixels` takes a picture and carries the post-processing. All variants of a model share its packs.
 */
export const variantSchema = v.object({
  /** Unique within the model, for people: `tensors:x=1,3,640,640` or `pixels:640x640` (height x width). */
  id: v.string(),
  kind: v.picklist(['tensors', 'pixels']),
  inputs: v.array(tensorInfoSchema),
  outputs: v.array(tensorInfoSchema),
  /** Present if and only if `kind` is `pixels`. */
  image: v.optional(imageInputSchema),
  /** Content hash of this variant's {@link CutTable} JSON, at `/v1/tables/:sha256`. */
  table: sha256Schema,
});
export type Variant = v.InferOutput<typeof variantSchema>;

export const manifestSchema = v.object({
  format: v.literal('cutpoint.manifest.v1'),
  model: v.string(),
  version: v.string(),
  /** One line for people, with the credit that the model's licence asks for. */
  description: v.string(),
  task: taskSchema,
  packs: v.array(packSchema),
  variants: v.array(variantSchema),
});
export type Manifest = v.InferOutput<typeof manifestSchema>;

/**
 * A cut that can be run. `id` 0..n are the prefix cuts of the stored topological order (the head is the first `id`
 * nodes; 0 is full offload, n is local); proposed cuts follow with ids above n. Equal cuts are merged, so ids may
 * have gaps.
 */
export const cutSchema = v.object({
  id: count,
  /** Number of nodes in the head. */
  headNodes: count,
  /** Indexes into {@link CutTable.tensors}: what is sent up. Empty for the local cut. */
  crossing: v.array(count),
  /** Names of the graph outputs that the head already produces; they stay on the device. */
  headOutputs: v.array(v.string()),
  /** Names of the graph outputs that the tail produces; they come back. */
  tailOutputs: v.array(v.string()),
  /** sha256 of the graph-only models at `/v1/graphs/:sha256`; `null` for an empty head or tail. */
  headGraph: v.nullable(sha256Schema),
  tailGraph: v.nullable(sha256Schema),
  /** Indexes into {@link Manifest.packs} that the head needs. */
  headPacks: v.array(count),
  /** Raw bytes of the crossing tensors, and of the outputs that come back. */
  bytesUp: count,
  bytesDown: count,
  headFlops: v.pipe(v.number(), v.minValue(0)),
  /** Run time of head and tail on the edge that prepared the model, in ms; see {@link CutTable.profile}. */
  headMs: ms,
  tailMs: ms,
  /** `false`: interpolated between timed neighbours along FLOPs, not timed itself. */
  timed: v.boolean(),
  /** What the codecs that lose something cost here; see {@link CutTable.calibration}. Absent: nothing is known. */
  fidelity: v.optional(v.array(fidelitySchema)),
});
export type Cut = v.InferOutput<typeof cutSchema>;

export const cutTableSchema = v.object({
  format: v.literal('cutpoint.cuts.v1'),
  model: v.string(),
  variant: v.string(),
  /** Tensors that cross at some cut. */
  tensors: v.array(tensorInfoSchema),
  /** The nodes in stored topological order: kind, name, and floating-point operations. */
  nodes: v.array(v.object({ opType: v.string(), name: v.string(), flops: v.pipe(v.number(), v.minValue(0)) })),
  cuts: v.array(cutSchema),
  /** Where `headMs` and `tailMs` were measured. */
  profile: v.object({ machine: v.string(), provider: v.string(), threads: count }),
  /** How {@link Cut.fidelity} was measured. */
  calibration: v.optional(calibrationSchema),
});
export type CutTable = v.InferOutput<typeof cutTableSchema>;
