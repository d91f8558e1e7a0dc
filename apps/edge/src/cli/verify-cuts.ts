import { setImmediate } from 'node:timers/promises';
import {
  type CutDescription,
  dataTypeOf,
  encodeModel,
  extract,
  type Model,
  type RuntimeTensor,
  type RuntimeTensors,
  withBarriers,
} from '@cutpoint/onnx';
import { difference, TOLERANCE } from '../ort/difference.js';
import type { SplitModel } from '../ort/split-model.js';
import type { Reference } from './verify-reference.js';

export interface CutResult {
  readonly id: number;
  /** Against the reference that the cut was judged by. */
  readonly maxAbsErr: number;
  readonly maxRelErr: number;
  /** Against onnxruntime's plain run of the file, whatever the cut was judged by. */
  readonly maxRelErrPlain: number;
  /** Judged by the unsplit model that rounds what crosses, see {@link compareRounded}. */
  readonly isRounded: boolean;
  /** Why the cut failed; `undefined` when it did not. */
  readonly failure: string | undefined;
  /** What a reader must know of how the cut passed. */
  readonly note?: string;
}

export function toleranceOf({ analysis, model }: SplitModel): number {
  const isHalf =
    [...analysis.tensors.values()].some(({ type }) => type === 'float16') ||
    model.graph?.initializer.some(({ dataType }) => dataType === dataTypeOf('float16')) === true;
  return isHalf ? TOLERANCE.float16 : TOLERANCE.float32;
}

/** Runs head, then tail, as page and edge would, and compares every output. */
export async function verifyCut(
  split: SplitModel,
  cut: CutDescription,
  reference: Reference,
  tolerance: number,
): Promise<CutResult> {
  // Creating and running block the thread: let signals through in between.
  await setImmediate();
  try {
    const actual = await runParts(split, cut, reference.feeds);
    const result = compare(cut.id, actual, reference.outputs, tolerance);
    if (result.failure === undefined) return result;
    return (await compareRounded(split, cut, actual, reference, tolerance, result)) ?? result;
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    const utter = Number.POSITIVE_INFINITY;
    return { id: cut.id, maxAbsErr: utter, maxRelErr: utter, maxRelErrPlain: utter, isRounded: false, failure };
  }
}

function compare(id: number, actual: RuntimeTensors, expected: RuntimeTensors, tolerance: number): CutResult {
  let maxAbsErr = 0;
  let maxRelErr = 0;
  let failure: string | undefined;
  for (const [name, tensor] of Object.entries(expected)) {
    const { absErr, relErr } = difference(actual[name], tensor);
    maxAbsErr = Math.max(maxAbsErr, absErr);
    maxRelErr = Math.max(maxRelErr, relErr);
    if (relErr <= tolerance) continue;
    failure ??= `output "${name}" is off by ${absErr}, ${relErr.toExponential(1)} of its range (at most ${tolerance})`;
  }
  return { id, maxAbsErr, maxRelErr, maxRelErrPlain: maxRelErr, isRounded: false, failure };
}

/**
 * onnxruntime's CPU provider computes fp16 graphs in fp32 and leaves out the rounding between nodes, a cut cannot: what
 * crosses is fp16, as the file declares. Where that alone is more than the tolerance (logits before a softmax), the unsplit
 * model that rounds the very same tensors is what the cut has to equal.
 */
async function compareRounded(
  split: SplitModel,
  cut: CutDescription,
  actual: RuntimeTensors,
  { feeds, outputs }: Reference,
  tolerance: number,
  plain: CutResult,
): Promise<CutResult | undefined> {
  const halves = cut.crossing.filter((name) => split.analysis.tensors.get(name)?.type === 'float16');
  if (halves.length === 0 || !Number.isFinite(plain.maxRelErr)) return undefined;
  const session = await split.runtime.open(encodeModel(withBarriers(split.model, halves)), { purpose: 'inspect' });
  try {
    const result = compare(cut.id, actual, await session.run(feeds, Object.keys(outputs)), tolerance);
    if (result.failure !== undefined) return undefined;
    const note =
      `equals the unsplit model that rounds ${halves.join(', ')} to fp16 as the file declares; from onnxruntime's run, ` +
      `which keeps fp32 there, it differs by ${plain.maxRelErr.toExponential(1)} of the output's range`;
    return { ...result, maxRelErrPlain: plain.maxRelErr, isRounded: true, note };
  } finally {
    await session.release();
  }
}

async function runParts(split: SplitModel, cut: CutDescription, feeds: RuntimeTensors): Promise<RuntimeTensors> {
  const { head, tail } = extract(split.model, split.analysis, cut.head);
  const fromHead = await runPart(split, head, feeds);
  const crossing = Object.fromEntries(cut.crossing.map((name) => [name, required(name, fromHead, feeds)]));
  const fromTail = await runPart(split, tail, crossing);
  return {
    ...Object.fromEntries(cut.headOutputs.map((name) => [name, required(name, fromHead)])),
    ...fromTail,
  };
}

function required(name: string, ...sources: readonly RuntimeTensors[]): RuntimeTensor {
  for (const source of sources) {
    const tensor = source[name];
    if (tensor) return tensor;
  }
  throw new Error(`the head does not give "${name}"`);
}

/** Feeds a part what it declares; a name that it declares and nobody has is an error of the cut. */
async function runPart(split: SplitModel, part: Model | null, available: RuntimeTensors): Promise<RuntimeTensors> {
  if (!part) return {};
  const session = await split.runtime.open(encodeModel(part));
  try {
    const feeds = Object.fromEntries(session.inputs.map(({ name }) => [name, required(name, available)]));
    const fetches = session.outputs.filter(({ isTensor }) => isTensor).map(({ name }) => name);
    return await session.run(feeds, fetches);
  } finally {
    await session.release();
  }
}
