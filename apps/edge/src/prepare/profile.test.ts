import type { OnnxRuntime, RuntimeTensor } from '@cutpoint/onnx';
import { describe, expect, it } from 'vitest';
import { type Clock, type ProfiledCut, profileCuts } from './profile.js';

const COUNT = 41;
const TENSOR: RuntimeTensor = { type: 'float32', dims: [1], bytes: new Uint8Array(4) };

/** A network of equal layers whose graphs only say how many layers they hold; running one moves the clocks. */
function network(options: { readonly msPerLayer: number; readonly busy?: (ms: number) => number }) {
  let [wallMs, cpuMs, opened] = [0, 0, 0];
  const clock: Clock = { wallMs: () => wallMs, cpuMs: () => cpuMs };
  const runtime: OnnxRuntime = {
    optimize: async (model) => model,
    open: async (graph) => {
      opened++;
      const value = { name: 'x', isTensor: true, type: 'float32', dims: [1] };
      return {
        inputs: [value],
        outputs: [value],
        run: async () => {
          const ms = (graph[0] ?? 0) * options.msPerLayer;
          cpuMs += ms;
          wallMs += options.busy?.(ms) ?? ms;
          return { x: TENSOR };
        },
        release: async () => undefined,
      };
    },
  };
  const cuts = Array.from({ length: COUNT }, (_, id): ProfiledCut => {
    const [head, tail] = [id, COUNT - 1 - id];
    return {
      bytesUp: tail === 0 ? 0 : 1000 - id,
      headFlops: id * 100,
      headGraph: head === 0 ? null : Uint8Array.of(head),
      tailGraph: tail === 0 ? null : Uint8Array.of(tail),
    };
  });
  return { cuts, clock, runtime, opened: () => opened };
}

const base = { feeds: { x: TENSOR }, maxCuts: 8, budgetMs: 1e6 };

describe('profileCuts', () => {
  it('times a few cuts and puts all others where the work is', async () => {
    const { cuts, opened, ...net } = network({ msPerLayer: 1 });
    const { times } = await profileCuts(cuts, { ...base, ...net });
    expect(times.filter(({ timed }) => timed).length).toBe(8);
    expect([times[0]?.timed, times.at(-1)?.timed]).toEqual([true, true]);
    for (const [id, { headMs, tailMs }] of times.entries()) {
      expect(headMs).toBeCloseTo(id, 9);
      expect(tailMs).toBeCloseTo(COUNT - 1 - id, 9);
    }
    expect(opened(), 'both ends are one session, the others two each').toBe(1 + 6 * 2);
  });

  it('does not remember that the machine was busy', async () => {
    const { cuts, ...net } = network({ msPerLayer: 1, busy: (ms) => ms * 5 });
    const { times } = await profileCuts(cuts, { ...base, ...net });
    expect(times[0]?.tailMs).toBe(COUNT - 1);
  });

  it('times fewer cuts when they are slow, but always one in the middle', async () => {
    const { cuts, ...net } = network({ msPerLayer: 10 });
    const { times } = await profileCuts(cuts, { ...base, ...net, budgetMs: 1 });
    expect(times.filter(({ timed }) => timed).length).toBe(3);
  });

  it('leans on the curve of another variant where it has no times of its own', async () => {
    const { cuts, ...net } = network({ msPerLayer: 1 });
    // All the time goes into the first tenth of the FLOPs.
    const curve = (share: number): number => Math.min(1, share * 10);
    const { times } = await profileCuts(cuts, { ...base, ...net, maxCuts: 2, budgetMs: 1, curve });
    const untimed = times.findIndex(({ timed }, position) => !timed && position > 4);
    expect(times[untimed]?.headMs).not.toBeCloseTo(untimed, 0);
    const learnt = await profileCuts(cuts, { ...base, ...net });
    expect(learnt.curve(0.5)).toBeCloseTo(0.5, 9);
  });
});
