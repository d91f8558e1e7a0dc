import type { Arm, Codec } from '@cutpoint/partition';
import { type NumberCodec, narrows, plainBytes, type TensorInfo, tensorBytes } from '@cutpoint/protocol';
import { stepsOf } from './encode.js';

/**
 * What is known of a codec before it has run: the sizes of f32, f16 and u8 are certain, everything else is a first guess
 * that real runs correct. Rates are medians of Chromium 156 and Node 20.20 on two shared cores.
 */

/**
 * Deflated ÷ plain. Medians over three photographs, of what SqueezeNet's ReLUs, pools and concatenations give, and of its
 * input; before the first ReLU activations hardly deflate (0.92, as u8 0.75).
 */
const DEFLATED_SHARE = {
  activations: { raw: 0.5, f16: 0.55, u8: 0.45 },
  input: { raw: 0.26, f16: 0.47, u8: 0.84 },
} as const;
/** Compressed ÷ raw pixels at quality 0.9: three photographs at 224 x 224 gave 0.09 to 0.13 and 0.07 to 0.12. */
const PICTURE_SHARE = { jpeg: 0.12, webp: 0.1 } as const;

/** Bytes of raw numbers that the page narrows in a ms, and that the edge widens again. */
const NARROWED_PER_MS = { f16: 300_000, u8: 500_000 } as const;
const WIDENED_PER_MS = 800_000;
/**
 * Bytes of raw activations that come back from the GPU in a ms, measured on an adapter in software. What a head on WASM
 * gives is at hand: its first runs say so.
 */
const READ_BACK_PER_MS = 1_200_000;
/** Plain bytes that the page deflates in a ms, and that the edge inflates. */
const DEFLATED_PER_MS = 14_000;
const INFLATED_PER_MS = 100_000;
/** Bytes of RGB that the page compresses in a ms, and that the edge decompresses. */
const COMPRESSED_PER_MS = { jpeg: 40_000, webp: 10_000 } as const;
const DECOMPRESSED_PER_MS = { jpeg: 100_000, webp: 60_000 } as const;

export type CodecProfile = Required<Pick<Arm, 'bytesUp' | 'encodeMs' | 'decodeMs'>>;

/**
 * What a codec is expected to do to these crossing tensors.
 * @param kind whether they are inputs of the network, or what was made of them
 */
export function profileOf(codec: Codec, crossing: readonly TensorInfo[], kind: 'activations' | 'input'): CodecProfile {
  const { numbers, deflates, picture } = stepsOf(codec);
  const rawBytes = sum(crossing.map(({ type, dims }) => tensorBytes(type, dims)));
  if (picture) {
    return {
      bytesUp: Math.ceil(rawBytes * PICTURE_SHARE[picture]),
      encodeMs: rawBytes / COMPRESSED_PER_MS[picture],
      decodeMs: rawBytes / DECOMPRESSED_PER_MS[picture],
    };
  }
  const readBackMs = kind === 'activations' ? rawBytes / READ_BACK_PER_MS : 0;
  const narrowed = crossing.filter((tensor) => narrows(numbers, tensor));
  const narrowedBytes = sum(narrowed.map(({ type, dims }) => tensorBytes(type, dims)));
  const bytes = sum(
    crossing.map((tensor) => plainBytes({ ...tensor, codec: narrows(numbers, tensor) ? numbers : 'raw' })),
  );
  return {
    bytesUp: deflates ? Math.ceil(bytes * deflatedShare(numbers, crossing, kind)) : bytes,
    encodeMs:
      (numbers === 'raw' ? readBackMs : narrowedBytes / NARROWED_PER_MS[numbers]) +
      (deflates ? bytes / DEFLATED_PER_MS : 0),
    decodeMs: narrowedBytes / WIDENED_PER_MS + (deflates ? bytes / INFLATED_PER_MS : 0),
  };
}

/** Pixels are 8 bits before anything narrows them. */
function deflatedShare(numbers: NumberCodec, crossing: readonly TensorInfo[], kind: 'activations' | 'input'): number {
  return DEFLATED_SHARE[kind][crossing.every(({ type }) => type === 'uint8') ? 'u8' : numbers];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
