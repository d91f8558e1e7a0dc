import { affineOf, toLevels, valuesOfLevels } from './affine.js';
import { aligned } from './element.js';
import { ProtocolError } from './errors.js';
import { roundToHalves, valuesOfHalves } from './half.js';
import type { TensorHeader } from './messages.js';
import { type EncodedTensor, rawTensor, splitPayload, type TensorBytes, type TensorData } from './tensor.js';

/** How the numbers of one tensor can be written without the help of a compressor. */
export type NumberCodec = 'raw' | 'f16' | 'u8';

/** What a narrower codec makes of a tensor's raw bytes; `undefined` when that tensor has to travel raw. */
export function narrow(
  raw: TensorHeader,
  bytes: Uint8Array,
  codec: NumberCodec,
): { header: TensorHeader; bytes: Uint8Array<ArrayBuffer> } | undefined {
  if (bytes.byteLength === 0) return undefined;
  if (codec === 'f16' && raw.type === 'float32') return toF16(raw, bytes);
  if (codec === 'u8' && raw.type === 'float32') return toU8(raw, f32(bytes));
  if (codec === 'u8' && raw.type === 'float16') return toU8(raw, lookUp(u16(bytes), valuesOfHalves()));
  return undefined;
}

/**
 * Writes a tensor by `codec` where that can be, raw otherwise: f16 is for float32, u8 for float32 and float16, and either
 * for numbers that are all finite and stay so.
 * @throws ProtocolError `bad_tensors` when the data does not fit the shape
 */
export function encodeTensor(tensor: TensorData, codec: NumberCodec): EncodedTensor {
  const raw = rawTensor(tensor);
  return narrow(raw.header, raw.bytes, codec) ?? raw;
}

/**
 * The tensor's own bytes again, from those that its header describes; nothing is copied that travelled raw and is
 * aligned. Check the header first, inflate first, and see to pictures otherwise.
 * @throws ProtocolError `bad_tensors` for a codec that is not a {@link NumberCodec}, or bytes that are still deflated
 */
export function decodeTensor(header: TensorHeader, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { codec, type, deflated, name } = header;
  if (!deflated) {
    if (codec === 'raw') return aligned(type, bytes);
    if (codec === 'f16') return bytesOf(lookUp(u16(bytes), valuesOfHalves()));
    if (codec === 'u8') {
      const values = valuesOfLevels({ scale: header.scale ?? 0, min: header.min ?? 0 });
      return type === 'float16' ? bytesOf(lookUpHalves(bytes, halvesOf(values))) : bytesOf(lookUp(bytes, values));
    }
  }
  throw new ProtocolError(
    'bad_tensors',
    `tensor "${name}" is ${deflated ? 'deflated' : codec}, which is not read here`,
  );
}

/**
 * Cuts a payload into its tensors. Views the payload where a tensor is raw and its element size allows it. Check the
 * headers first ({@link checkTensorHeaders}).
 * @throws ProtocolError `bad_tensors` for what must be inflated, or is a picture: see {@link splitPayload}
 */
export function decodeTensors(headers: readonly TensorHeader[], payload: Uint8Array<ArrayBuffer>): TensorBytes[] {
  return splitPayload(headers, payload).map(({ header, bytes }) => ({ header, bytes: decodeTensor(header, bytes) }));
}

function toF16(raw: TensorHeader, bytes: Uint8Array) {
  const numbers = f32(bytes);
  const halves = new Uint16Array(numbers.length);
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  if (!roundToHalves(bits, halves)) return undefined;
  return { header: { ...raw, codec: 'f16' as const, numBytes: halves.byteLength }, bytes: bytesOf(halves) };
}

function toU8(raw: TensorHeader, numbers: Float32Array) {
  const affine = affineOf(numbers);
  if (!affine) return undefined;
  const levels = toLevels(numbers, affine);
  return { header: { ...raw, codec: 'u8' as const, ...affine, numBytes: levels.byteLength }, bytes: levels };
}

function lookUp(keys: Uint8Array | Uint16Array, values: Float32Array): Float32Array<ArrayBuffer> {
  const numbers = new Float32Array(keys.length);
  for (let index = 0; index < numbers.length; index++) numbers[index] = values[keys[index] ?? 0] ?? 0;
  return numbers;
}

function lookUpHalves(levels: Uint8Array, halves: Uint16Array): Uint16Array<ArrayBuffer> {
  const numbers = new Uint16Array(levels.length);
  for (let index = 0; index < numbers.length; index++) numbers[index] = halves[levels[index] ?? 0] ?? 0;
  return numbers;
}

function halvesOf(values: Float32Array<ArrayBuffer>): Uint16Array {
  const halves = new Uint16Array(values.length);
  roundToHalves(new Uint32Array(values.buffer), halves);
  return halves;
}

/** Views where the bytes are aligned, copies where they are not. */
function u16(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}

function f32(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(buffer, byteOffset, byteLength / 4);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
