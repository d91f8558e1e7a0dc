import type { RuntimeSession } from '@cutpoint/onnx';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Weights } from '../ort/weights.js';
import { chooseWeights } from './choose-weights.js';

// A clock of its own: on a busy machine a millisecond more would change the choice.
beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A runtime whose sessions take so many ms, by how they hold their weights. */
function runtimeOf(runMs: Readonly<Record<Weights, number>>) {
  let open = 0;
  const openWith = async (_: Uint8Array, weights: Weights): Promise<RuntimeSession> => {
    open += 1;
    return {
      inputs: [],
      outputs: [],
      run: async () => {
        vi.advanceTimersByTime(runMs[weights]);
        return {};
      },
      release: async () => {
        open -= 1;
      },
    };
  };
  return { openWith, left: () => open };
}

it.each([
  ['shares all where that costs nothing', { own: 5, mapped: 5, 'mapped-plain': 5 }, 'mapped-plain'],
  ['leaves convolutions their own where they need them', { own: 5, mapped: 5, 'mapped-plain': 7 }, 'mapped'],
  ['shares nothing where every way is slower', { own: 5, mapped: 6, 'mapped-plain': 7 }, 'own'],
] as const)('%s', async (_, runMs, expected) => {
  const runtime = runtimeOf(runMs);
  expect(await chooseWeights(new Uint8Array(), {}, runtime)).toBe(expected);
  expect(runtime.left()).toBe(0);
});
