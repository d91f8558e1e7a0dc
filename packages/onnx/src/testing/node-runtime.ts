import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ElementType } from '../element-type.js';
import type { OnnxRuntime, RuntimeSession, RuntimeTensor } from '../runtime.js';

const ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** onnxruntime-node over a temporary folder, where packs go too. */
export interface TestRuntime extends OnnxRuntime {
  readonly dir: string;
  close(): void;
}

export function openTestRuntime(): TestRuntime {
  const dir = mkdtempSync(join(tmpdir(), 'cutpoint-onnx-test-'));
  let count = 0;
  const write = (model: Uint8Array): string => {
    const file = join(dir, `${count++}.onnx`);
    writeFileSync(file, model);
    return file;
  };
  const quiet = { logSeverityLevel: 4 as const };
  return {
    dir,
    close: () => rmSync(dir, { recursive: true, force: true }),
    async optimize(model) {
      const saved = join(dir, `${count++}.optimized.onnx`);
      const options = { ...quiet, graphOptimizationLevel: 'basic' as const, optimizedModelFilePath: saved };
      await (await InferenceSession.create(write(model), options)).release();
      return readFileSync(saved);
    },
    async open(model, { purpose = 'run' } = {}) {
      const level = purpose === 'inspect' ? ('disabled' as const) : ('all' as const);
      return wrap(await InferenceSession.create(write(model), { ...quiet, graphOptimizationLevel: level }));
    },
  };
}

function wrap(session: InferenceSession): RuntimeSession {
  const value = (meta: InferenceSession.ValueMetadata) =>
    meta.isTensor
      ? { name: meta.name, isTensor: true, type: meta.type, dims: meta.shape }
      : { name: meta.name, isTensor: false, type: '', dims: [] };
  return {
    inputs: session.inputMetadata.map(value),
    outputs: session.outputMetadata.map(value),
    async run(feeds, fetches = session.outputNames) {
      const given = Object.entries(feeds).map(([name, tensor]) => [name, toOrt(tensor)] as const);
      const results = await session.run(Object.fromEntries(given), fetches);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor as Tensor)]));
    },
    release: () => session.release(),
  };
}

function toOrt({ type, dims, bytes }: RuntimeTensor): Tensor {
  if (type === 'string') throw new Error('string feeds are not needed here');
  return new Tensor(type, new ARRAYS[type](bytes.slice().buffer), dims);
}

function fromOrt({ type, dims, data }: Tensor): RuntimeTensor {
  if (type === 'string') return { type, dims, bytes: new Uint8Array(), strings: data as string[] };
  const array = data as Float32Array;
  return { type: type as ElementType, dims, bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength) };
}
