import type { Tensor } from 'onnxruntime-common';
import { CutpointError } from './errors.js';
import type { Fetches, RunOptions } from './session.js';

/**
 * Tells apart what onnxruntime's `run` takes after the feeds: an object is fetches as soon as it names an output with a tensor
 * or `null`, and options otherwise.
 * @throws CutpointError `bad_fetches`
 */
export function askedOf(
  outputNames: readonly string[],
  first: Fetches | RunOptions | undefined,
  second: RunOptions | undefined,
): { readonly fetches: Fetches | undefined; readonly options: RunOptions } {
  if (first === undefined) return { fetches: undefined, options: second ?? {} };
  if (!isFetches(first)) return { fetches: undefined, options: first };
  const names = namesOf(first);
  const wrong = names.find((name) => !outputNames.includes(name));
  if (wrong !== undefined || names.length === 0) {
    const what = wrong === undefined ? 'No output is asked for' : `"${wrong}" is no output of this model`;
    throw new CutpointError(
      'bad_fetches',
      `${what}; the outputs are ${outputNames.map((name) => `"${name}"`).join(', ')}.`,
    );
  }
  return { fetches: first, options: second ?? {} };
}

/**
 * Of all outputs those that were asked for, in the tensors that were given for them.
 * @throws CutpointError `bad_fetches`
 */
export function fetched(
  outputs: Readonly<Record<string, Tensor>>,
  fetches: Fetches | undefined,
): Record<string, Tensor> {
  if (!fetches) return { ...outputs };
  const asked: Record<string, Tensor> = {};
  for (const name of namesOf(fetches)) {
    const output = outputs[name];
    const given = isList(fetches) ? null : fetches[name];
    if (output) asked[name] = given ? filled(name, given, output) : output;
  }
  return asked;
}

const OPTIONS: Readonly<Record<keyof RunOptions, true>> = {
  signal: true,
  cut: true,
  codec: true,
  deadlineMs: true,
  traceparent: true,
};

function isFetches(asked: Fetches | RunOptions): asked is Fetches {
  if (isList(asked)) return true;
  const entries = Object.entries(asked).filter(([name]) => !(name in OPTIONS));
  return entries.some(([, value]) => value === null || isTensor(value));
}

function isList(asked: Fetches | RunOptions): asked is readonly string[] {
  return Array.isArray(asked);
}

function namesOf(fetches: Fetches): readonly string[] {
  return isList(fetches) ? fetches : Object.keys(fetches);
}

function isTensor(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'dims' in value && 'type' in value;
}

function filled(name: string, given: Tensor, { type, dims, data }: Tensor): Tensor {
  const fits = given.type === type && given.dims.join() === dims.join() && ArrayBuffer.isView(given.data);
  if (!fits || !ArrayBuffer.isView(data)) {
    throw new CutpointError('bad_fetches', `The tensor for "${name}" is not ${type} [${dims.join(', ')}] on the CPU.`);
  }
  bytesOf(given.data).set(bytesOf(data));
  return given;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
