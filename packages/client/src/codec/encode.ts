import type { Codec } from '@cutpoint/partition';
import { type EncodedTensor, encodeTensor, type NumberCodec } from '@cutpoint/protocol';
import type { TensorMessage } from '../worker/messages.js';
import type { PictureEncoder } from '../worker/picture-encoder.js';
import type { PictureCodec } from './picture.js';

/**
 * Writes a crossing tensor as the codec of its arm asks. What cannot be written so, or what this edge does not read,
 * travels raw: a codec never fails an inference.
 * @param known what the edge reads, from its `welcome`
 * @param pictures compresses pictures; only an input is one
 */
export async function encode(
  { bytes, ...info }: TensorMessage,
  codec: Codec,
  known: ReadonlySet<string>,
  pictures?: PictureEncoder,
): Promise<EncodedTensor> {
  const { picture } = stepsOf(codec);
  const compressed = picture && known.has(picture) ? await pictures?.compress(bytes, info.dims, picture) : undefined;
  if (picture && compressed) {
    return { header: { ...info, codec: picture, numBytes: compressed.byteLength }, bytes: compressed };
  }
  return compress(encodeTensor({ ...info, data: bytes }, numbersOf(codec, known)), codec, known);
}

/** How the numbers of a tensor are written, before anything compresses them. */
export function numbersOf(codec: Codec, known: ReadonlySet<string>): NumberCodec {
  const { numbers } = stepsOf(codec);
  return known.has(numbers) ? numbers : 'raw';
}

/** The last step: deflates where the codec says so and where it gains something. */
export async function compress(plain: EncodedTensor, codec: Codec, known: ReadonlySet<string>): Promise<EncodedTensor> {
  if (!stepsOf(codec).deflates || !known.has('deflate') || plain.bytes.byteLength === 0) return plain;
  const deflated = await deflate(plain.bytes);
  if (deflated.byteLength >= plain.bytes.byteLength) return plain;
  return { header: { ...plain.header, deflated: true, numBytes: deflated.byteLength }, bytes: deflated };
}

/** What is done to a tensor, one after the other. */
export interface CodecSteps {
  readonly numbers: NumberCodec;
  readonly deflates: boolean;
  readonly picture: PictureCodec | undefined;
}

const STEPS: Readonly<Record<Codec, CodecSteps>> = {
  f32: { numbers: 'raw', deflates: false, picture: undefined },
  f16: { numbers: 'f16', deflates: false, picture: undefined },
  u8: { numbers: 'u8', deflates: false, picture: undefined },
  'f32+deflate': { numbers: 'raw', deflates: true, picture: undefined },
  'f16+deflate': { numbers: 'f16', deflates: true, picture: undefined },
  'u8+deflate': { numbers: 'u8', deflates: true, picture: undefined },
  jpeg: { numbers: 'raw', deflates: false, picture: 'jpeg' },
  webp: { numbers: 'raw', deflates: false, picture: 'webp' },
};

export function stepsOf(codec: Codec): CodecSteps {
  return STEPS[codec];
}

/** DEFLATE without any wrapping, by the browser's own code, which runs beside this thread. */
async function deflate(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  // The cast: tensors here never lie in shared memory.
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
