export const CODECS = Object.freeze([
  'f32',
  'f16',
  'u8',
  'f32+deflate',
  'f16+deflate',
  'u8+deflate',
  'jpeg',
  'webp',
] as const);
/**
 * How crossing tensors travel, each as it is or narrower:
 * - `f32`: as they are. The tensors of an fp16 network stay f16, integers stay what they are.
 * - `f16`: floating-point tensors as half precision. `u8`: as 8 bits, affine, one scale and offset a tensor.
 * - `…+deflate`: the same bytes, deflated.
 * - `jpeg`, `webp`: the picture, compressed; only for an image input at cut 0.
 * @useDeclaredType
 */
export type Codec = (typeof CODECS)[number];

/** Whether it is the picture that travels, compressed. */
export function isPicture(codec: Codec): boolean {
  return codec === 'jpeg' || codec === 'webp';
}

/** One choice that can be run: a cut and the codec of its crossing tensors, with what was profiled of it. */
export interface Arm {
  /** Cut id of the manifest's cut table. */
  readonly cut: number;
  readonly codec: Codec;
  /** Run time of the head on the profiling machine, in ms; 0 for full offload. */
  readonly headMs: number;
  /** Run time of the tail on the profiling machine, in ms; 0 for local. */
  readonly tailMs: number;
  /** Bytes that travel up and down; both 0 for local. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Time of the codec on the device and at the edge, in ms; absent means 0, as for `f32`. */
  readonly encodeMs?: number;
  readonly decodeMs?: number;
  /** Whether any part of it runs at the edge. `false` only for the local arm. */
  readonly usesEdge: boolean;
  /** Whether the cut is a prefix cut of the stored order (LoADPart considers no other). */
  readonly isPrefix: boolean;
  /**
   * What the codec costs in accuracy, 0..1: the share of top-1 answers that change where the network gives such, otherwise
   * the relative error of its outputs (root mean square error over their range). Absent means 0.
   */
  readonly accuracyDrop?: number;
  /** The input crosses, or what casts and resizes made of it: no convolution or matrix product lies before the cut. */
  readonly sendsInput?: boolean;
}
