import {
  countElements,
  type RuntimeSession,
  type RuntimeTensor,
  type RuntimeTensors,
  randomTensor,
  seededRandom,
  type TensorDescription,
  toHalf,
} from '@cutpoint/onnx';
import { rangeOf } from '../ort/difference.js';
import { createSession, sessionOf } from '../ort/runtime.js';
import type { SplitModel } from '../ort/split-model.js';

/** What is tried on every cut: the same feeds, and what the unsplit file makes of them. */
export interface Reference {
  readonly feeds: RuntimeTensors;
  readonly outputs: RuntimeTensors;
}

/**
 * An output that hardly moves says little about a cut: a text detector answers noise with zeros, and what is left to
 * compare is the rounding of its last operation. Input that moves every output by this much is taken at once.
 */
const LIVELY_RANGE = 1e-2;
/** Inputs that are tried, noise first; the liveliest is taken. */
const MAX_TRIES = 12;

/** Runs the file as it is, on seeded random input. Outputs that are no tensors are left out: nothing can compare them. */
export async function runReference(file: string, { analysis }: SplitModel, seed: number): Promise<Reference> {
  const session = sessionOf(await createSession(file, { logSeverityLevel: 3 }));
  try {
    const random = seededRandom(seed);
    let best: (Reference & { readonly liveliness: number }) | undefined;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const make = attempt === 0 ? noise : page;
      const feeds = Object.fromEntries(analysis.inputs.map((input) => [input.name, make(input, random)]));
      const outputs = await runAll(session, feeds);
      const liveliness = livelinessOf(outputs);
      if (!best || liveliness > best.liveliness) best = { feeds, outputs, liveliness };
      if (liveliness >= LIVELY_RANGE || !analysis.inputs.some(isPicture)) break;
    }
    return best ?? { feeds: {}, outputs: {} };
  } finally {
    await session.release();
  }
}

async function runAll(session: RuntimeSession, feeds: RuntimeTensors): Promise<RuntimeTensors> {
  const fetches = session.outputs.filter(({ isTensor }) => isTensor).map(({ name }) => name);
  return fetches.length === 0 ? {} : await session.run(feeds, fetches);
}

/** The range of the floating-point output that moves least. */
function livelinessOf(outputs: RuntimeTensors): number {
  const floats = Object.values(outputs).filter(({ type }) => type.startsWith('float'));
  return floats.reduce((least, tensor) => Math.min(least, rangeOf(tensor)), Number.POSITIVE_INFINITY);
}

function noise({ type, dims }: TensorDescription, random: () => number): RuntimeTensor {
  return randomTensor(type, dims, random);
}

const LINE = 16;
const STROKE = 2;

/** `[…, height, width]` of at least one line of a page. */
function isPicture({ type, dims }: TensorDescription): boolean {
  const isFloat = type === 'float32' || type === 'float16';
  return isFloat && dims.length >= 3 && dims.slice(-2).every((dim) => dim >= LINE);
}

/** Something like a normalised picture of a page: lines of random strokes between empty ones. */
function page(input: TensorDescription, random: () => number): RuntimeTensor {
  if (!isPicture(input)) return noise(input, random);
  const { type, dims } = input;
  const [height = 1, width = 1] = dims.slice(-2);
  const picture = new Float32Array(height * width);
  const written = Array.from({ length: Math.ceil(height / LINE) }, () => random() < 0.5);
  const columns = Math.ceil(width / STROKE);
  const strokes = Array.from({ length: Math.ceil(height / STROKE) * columns }, () => (random() < 0.5 ? -2 : 2));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const stroke = strokes[Math.floor(y / STROKE) * columns + Math.floor(x / STROKE)] ?? 2;
      picture[y * width + x] = written[Math.floor(y / LINE)] ? stroke : 2;
    }
  }
  // The same on every channel.
  const values = new Float32Array(countElements(dims));
  for (let start = 0; start < values.length; start += picture.length) values.set(picture, start);
  const bytes = type === 'float16' ? Uint16Array.from(values, toHalf) : values;
  return { type, dims: [...dims], bytes: new Uint8Array(bytes.buffer) };
}
