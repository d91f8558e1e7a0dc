import type { Session, Trace } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import { runOnNoise } from './noise.js';

/** Every type that a model of a user's own may ask for. */
const TYPES = [
  'float32',
  'float64',
  'float16',
  'int64',
  'uint64',
  'int32',
  'uint32',
  'int16',
  'uint16',
  'int8',
  'uint8',
  'bool',
  'string',
] as const;

/** A session of a network that gives back what it is given. */
function echoing(type: (typeof TYPES)[number], dims: readonly number[]): Session {
  const fed = { manifest: { model: 'mine', variants: [{ kind: 'tensors', inputs: [{ name: 'x', type, dims }] }] } };
  return { ...fed, on: () => () => {}, run: async (feeds: unknown) => feeds } as unknown as Session;
}

describe('an input that no picture makes', () => {
  it.each(TYPES)('is made of %s', async (type) => {
    const traces: Trace[] = [];
    const answer = await runOnNoise(
      echoing(type, [2, 3]),
      { signal: new AbortController().signal, onPartial() {} },
      traces,
    );
    expect(answer).toMatchObject({ kind: 'tensors', tensors: [`x: ${type} [2, 3]`] });
  });
});
