import { setImmediate } from 'node:timers/promises';
import {
  type CutDescription,
  encodeModel,
  extract,
  type Model,
  type RuntimeTensor,
  type RuntimeTensors,
  randomTensor,
  seededRandom,
} from '@cutpoint/onnx';
import { createSession, sessionOf } from '../ort/runtime.js';
import type { SplitModel } from '../ort/split-model.js';
import { difference } from './verify-compare.js';

/** What is tried on every cut: the same feeds, and what the unsplit file makes of them. */
export interface Reference {
  readonly feeds: RuntimeTensors;
  readonly outputs: RuntimeTensors;
}

export interface CutResult {
  readonly id: number;
  readonly maxAbsErr: number;
  readonly maxRelErr: number;
  /** Why the cut failed; `undefined` when it did not. */
  readonly failure: string | undefined;
}

/** Error allowed, as a part of the output's range: what reordered sums differ by in each precision. */
const TOLERANCE = { float32: 1e-4, float16: 1e-3 } as const;

export function toleranceOf({ analysis, model }: SplitModel): number {
  const FLOAT16 = 10;
  const isHalf =
    [...analysis.tensors.values()].some(({ type }) => type === 'float16') ||
    model.graph?.initializer.some(({ dataType }) => dataType === FLOAT16) === true;
  return isHalf ? TOLERANCE.float16 : TOLERANCE.float32;
}

/** Runs the file as it is, on seeded random input. Outputs that are no tensors are left out: nothing can compare them. */
export async function runReference(file: string, split: SplitModel, seed: number): Promise<Reference> {
  const random = seededRandom(seed);
  const feeds = Object.fromEntries(
    split.analysis.inputs.map(({ name, type, dims }) => [name, randomTensor(type, dims, random)]),
  );
  const session = sessionOf(await createSession(file, { logSeverityLevel: 3 }));
  try {
    const fetches = session.outputs.filter(({ isTensor }) => isTensor).map(({ name }) => name);
    return { feeds, outputs: await session.run(feeds, fetches) };
  } finally {
    await session.release();
  }
}

/** Runs head, then tail, as page and edge would, and compares every output. */
export async function verifyCut(
  split: SplitModel,
  cut: CutDescription,
  { feeds, outputs }: Reference,
  tolerance: number,
): Promise<CutResult> {
  // Creating and running block the thread: let signals through in between.
  await setImmediate();
  let actual: RuntimeTensors;
  try {
    actual = await runParts(split, cut, feeds);
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { id: cut.id, maxAbsErr: Number.POSITIVE_INFINITY, maxRelErr: Number.POSITIVE_INFINITY, failure };
  }
  let maxAbsErr = 0;
  let maxRelErr = 0;
  let failure: string | undefined;
  for (const [name, expected] of Object.entries(outputs)) {
    const { absErr, relErr } = difference(actual[name], expected);
    maxAbsErr = Math.max(maxAbsErr, absErr);
    maxRelErr = Math.max(maxRelErr, relErr);
    if (relErr <= tolerance) continue;
    failure ??= `output "${name}" is off by ${absErr}, ${relErr.toExponential(1)} of its range (at most ${tolerance})`;
  }
  return { id: cut.id, maxAbsErr, maxRelErr, failure };
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
