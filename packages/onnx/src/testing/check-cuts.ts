import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Analysis, analyse } from '../analyse.js';
import { type CutList, describeCut, listCuts } from '../cuts.js';
import type { ElementType } from '../element-type.js';
import { extract } from '../extract.js';
import { encodeModel, type Model } from '../model.js';
import { optimizeModel } from '../optimize.js';
import { PackBuilder } from '../packs.js';
import { fromHalf, randomTensor, seededRandom } from '../random.js';
import type { OnnxRuntime, RuntimeTensor, RuntimeTensors } from '../runtime.js';
import type { TestRuntime } from './node-runtime.js';

export interface CheckedModel {
  readonly model: Model;
  readonly analysis: Analysis;
  readonly list: CutList;
  readonly feeds: RuntimeTensors;
  readonly expected: RuntimeTensors;
}

export interface CheckOptions {
  /** Takes the graph as it is, so that nodes that onnxruntime would fold are cut too. */
  readonly optimize?: boolean;
  readonly seed?: number;
  readonly feeds?: RuntimeTensors;
}

export function packInto(runtime: TestRuntime, model: Model): Model {
  return new PackBuilder({
    sha256: (bytes) => createHash('sha256').update(bytes).digest('hex'),
    write: ({ sha256 }, bytes) => writeFileSync(join(runtime.dir, sha256), bytes),
  }).add(model);
}

/** Prepares a model as the edge does, and runs it unsplit as it was given. */
export async function prepare(model: Model, runtime: TestRuntime, options: CheckOptions = {}): Promise<CheckedModel> {
  const optimized = options.optimize === false ? model : (await optimizeModel(model, runtime)).model;
  const packed = packInto(runtime, optimized);
  const analysis = await analyse(packed, runtime);
  const random = seededRandom(options.seed ?? 1);
  const feeds =
    options.feeds ??
    Object.fromEntries(analysis.inputs.map(({ name, type, dims }) => [name, randomTensor(type, dims, random)]));
  const expected = await runModel(model, feeds, runtime);
  return { model: packed, analysis, list: listCuts(packed, analysis), feeds, expected };
}

/** Largest error over the range of its output, head then tail against the unsplit model. */
export async function errorOf(
  { model, analysis, feeds, expected }: CheckedModel,
  head: ReadonlySet<number>,
  runtime: OnnxRuntime,
): Promise<number> {
  const cut = describeCut(model, analysis, head, 0);
  const parts = extract(model, analysis, head);
  const fromHead = parts.head ? await runModel(parts.head, feeds, runtime) : {};
  const sent = Object.fromEntries(cut.crossing.map((name) => [name, fromHead[name] ?? feeds[name]]));
  const crossing = Object.fromEntries(
    Object.entries(sent).filter((entry): entry is [string, RuntimeTensor] => !!entry[1]),
  );
  const fromTail = parts.tail ? await runModel(parts.tail, crossing, runtime) : {};
  const actual: RuntimeTensors = {
    ...Object.fromEntries(Object.entries(fromHead).filter(([name]) => cut.headOutputs.includes(name))),
    ...fromTail,
  };
  const errors = Object.entries(expected).map(([name, want]) => relativeError(actual[name], want));
  // The largest of no errors would be -Infinity, and agree with everything.
  if (errors.length === 0) throw new Error('the unsplit model has no output to compare with');
  return Math.max(...errors);
}

/** Feeds it what it declares and has it give all tensors that it can. */
export async function runModel(model: Model, feeds: RuntimeTensors, runtime: OnnxRuntime): Promise<RuntimeTensors> {
  const session = await runtime.open(encodeModel(model));
  try {
    const given = session.inputs.flatMap(({ name }) => {
      const tensor = feeds[name];
      return tensor ? [[name, tensor] as const] : [];
    });
    const fetches = session.outputs.filter(({ isTensor }) => isTensor).map(({ name }) => name);
    return await session.run(Object.fromEntries(given), fetches);
  } finally {
    await session.release();
  }
}

export function relativeError(actual: RuntimeTensor | undefined, expected: RuntimeTensor): number {
  if (!actual || actual.type !== expected.type || String(actual.dims) !== String(expected.dims)) return Infinity;
  const [have, want] = [numbers(actual), numbers(expected)];
  const range = Math.max(...want) - Math.min(...want) || Math.abs(want[0] ?? 0) || 1;
  return want.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (have[i] ?? Number.NaN))), 0) / range;
}

export function numbers({ type, bytes }: RuntimeTensor): number[] {
  const buffer = bytes.slice().buffer;
  const read: Partial<Record<ElementType | 'string', () => ArrayLike<number | bigint>>> = {
    float32: () => new Float32Array(buffer),
    float64: () => new Float64Array(buffer),
    float16: () => Array.from(new Uint16Array(buffer), fromHalf),
    int64: () => new BigInt64Array(buffer),
    int32: () => new Int32Array(buffer),
    uint8: () => new Uint8Array(buffer),
    int8: () => new Int8Array(buffer),
    bool: () => new Uint8Array(buffer),
  };
  const values = read[type]?.();
  if (!values) throw new Error(`no numbers of a ${type} tensor`);
  return Array.from(values, Number);
}
