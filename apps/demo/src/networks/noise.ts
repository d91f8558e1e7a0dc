import type { Session, Trace } from '@cutpoint/client';
import { Tensor } from 'onnxruntime-common';
import type { Answer } from './answer.js';
import type { ReadOptions } from './reader.js';

/** The page cannot draw the input of a network that takes no picture; it can still time it, on random numbers. */
export async function runOnNoise(session: Session, { signal }: ReadOptions, traces: Trace[]): Promise<Answer> {
  const variant = session.manifest.variants.find(({ kind }) => kind === 'tensors');
  if (variant === undefined) throw new TypeError(`${session.manifest.model} lists no variant to run.`);
  const feeds = Object.fromEntries(variant.inputs.map(({ name, type, dims }) => [name, noise(type, dims)]));
  const stopListening = session.on('trace', (trace) => traces.push(trace));
  try {
    const outputs = await session.run(feeds, { signal });
    return {
      kind: 'tensors',
      note: 'This network takes no picture, so it ran on random numbers. Its answer means nothing; its timing is real.',
      tensors: Object.entries(outputs).map(([name, { type, dims }]) => `${name}: ${type} [${dims.join(', ')}]`),
    };
  } finally {
    stopListening();
  }
}

/** Random floats; integers and booleans are 0, which every index and shape allows, and words are empty. */
function noise(type: Tensor.Type, dims: readonly number[]): Tensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  switch (type) {
    case 'float32':
      return new Tensor('float32', Float32Array.from({ length }, Math.random), dims);
    case 'float64':
      return new Tensor('float64', Float64Array.from({ length }, Math.random), dims);
    case 'float16':
      // Uint16Array is the form that every browser takes for half floats; 0 is 0.
      return new Tensor('float16', new Uint16Array(length), dims);
    case 'int64':
      return new Tensor('int64', new BigInt64Array(length), dims);
    case 'uint64':
      return new Tensor('uint64', new BigUint64Array(length), dims);
    case 'int32':
      return new Tensor('int32', new Int32Array(length), dims);
    case 'uint32':
      return new Tensor('uint32', new Uint32Array(length), dims);
    case 'int16':
      return new Tensor('int16', new Int16Array(length), dims);
    case 'uint16':
      return new Tensor('uint16', new Uint16Array(length), dims);
    case 'int8':
      return new Tensor('int8', new Int8Array(length), dims);
    case 'uint8':
      return new Tensor('uint8', new Uint8Array(length), dims);
    case 'bool':
      return new Tensor('bool', new Uint8Array(length), dims);
    case 'string':
      return new Tensor('string', new Array<string>(length).fill(''), dims);
    default:
      throw new TypeError(`This page makes no random input of type ${type}.`);
  }
}
