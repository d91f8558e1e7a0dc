import type { RuntimeTensor, RuntimeTensors } from '@cutpoint/onnx';
import { decodeTensor, encodeTensor, type LossyCodec, narrows, type TensorInfo } from '@cutpoint/protocol';
import { decodePicture } from '../../decoding/pictures.js';
import { encodePicture } from './picture-encoder.js';

/**
 * The lossy codecs that change anything about what crosses here; those that a client could choose.
 * @param isPicture whether all that crosses is the picture of a pixel variant
 */
export function codecsFor(crossing: readonly TensorInfo[], isPicture: boolean): readonly LossyCodec[] {
  if (isPicture) return ['jpeg', 'webp'];
  return (['f16', 'u8'] as const).filter((codec) => crossing.some((tensor) => narrows(codec, tensor)));
}

/** The crossing tensors as they arrive: written by the codec and read again, by the code that page and edge use. */
export async function roundTrip(
  codec: LossyCodec,
  crossing: readonly TensorInfo[],
  available: RuntimeTensors,
): Promise<RuntimeTensors> {
  const arrived: [string, RuntimeTensor][] = [];
  for (const info of crossing) {
    const tensor = available[info.name];
    if (tensor !== undefined) arrived.push([info.name, { ...tensor, bytes: await through(codec, info, tensor.bytes) }]);
  }
  return Object.fromEntries(arrived);
}

async function through(codec: LossyCodec, info: TensorInfo, bytes: Uint8Array): Promise<Uint8Array> {
  if (codec === 'jpeg' || codec === 'webp') {
    const [height = 0, width = 0] = info.dims;
    return await decodePicture(codec, await encodePicture(codec, { rgb: bytes, width, height }), { width, height });
  }
  const encoded = encodeTensor({ ...info, data: bytes }, codec);
  // The cast: neither onnxruntime's outputs nor what the codec makes lie in shared memory.
  return decodeTensor(encoded.header, encoded.bytes as Uint8Array<ArrayBuffer>);
}
