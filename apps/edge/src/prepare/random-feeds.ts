import {
  bytesPerElement,
  countElements,
  type ElementType,
  type RuntimeTensor,
  type RuntimeTensors,
  type TensorDescription,
} from '@cutpoint/onnx';

/** The same input for the same seed: floats in 0..1 (halves in 0.5..1), bytes over their range, other integers and booleans 0 or 1. */
export function randomFeeds(inputs: readonly TensorDescription[], seed = 1): RuntimeTensors {
  const random = linearCongruential(seed);
  return Object.fromEntries(inputs.map((input) => [input.name, randomTensor(input, random)]));
}

function randomTensor(input: TensorDescription, random: () => number): RuntimeTensor {
  const count = countElements(input.dims);
  const bytes = new Uint8Array(count * bytesPerElement(input.type));
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) writeElement(view, i, input.type, random());
  return { type: input.type, dims: input.dims, bytes };
}

function writeElement(view: DataView, index: number, type: ElementType, value: number): void {
  const at = index * bytesPerElement(type);
  switch (type) {
    case 'float32':
      view.setFloat32(at, value, true);
      break;
    case 'float64':
      view.setFloat64(at, value, true);
      break;
    case 'float16':
      // Ten random mantissa bits under the exponent of 0.5..1: no rounding to write out.
      view.setUint16(at, (14 << 10) | Math.floor(value * 1024), true);
      break;
    case 'uint8':
      view.setUint8(at, Math.floor(value * 256));
      break;
    default:
      // Little-endian: the lowest byte comes first, and the others are 0 already.
      view.setUint8(at, Math.round(value));
  }
}

function linearCongruential(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
