import { describe, expect, it } from 'vitest';
import { chooseTimedCuts, timeInterpolator } from './timed-cuts.js';

/** A deterministic source of numbers in 0..1, so that a failure can be repeated. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function network(seed: number, count: number) {
  const random = randomFrom(seed);
  let headFlops = 0;
  return Array.from({ length: count }, (_, id) => {
    const cut = { headFlops, bytesUp: id === count - 1 ? 0 : Math.ceil(random() * 1e6) };
    if (random() < 0.7) headFlops += random() * 1e8;
    return cut;
  });
}

describe('chooseTimedCuts', () => {
  it('takes both ends and the narrowest cut of any network, and never more than asked', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const cuts = network(seed, 2 + (seed % 90));
      const chosen = chooseTimedCuts(cuts, 12);
      expect(chosen.length).toBe(Math.min(12, cuts.length));
      expect(chosen).toEqual([...new Set(chosen)].sort((a, b) => a - b));
      expect(chosen[0]).toBe(0);
      expect(chosen.at(-1)).toBe(cuts.length - 1);
      const narrowest = Math.min(...cuts.slice(0, -1).map((cut) => cut.bytesUp));
      expect(chosen.some((position) => cuts[position]?.bytesUp === narrowest)).toBe(true);
    }
  });

  it('leaves no wide stretch of work untimed', () => {
    const cuts = Array.from({ length: 101 }, (_, id) => ({ headFlops: id, bytesUp: 1000 - id }));
    const chosen = chooseTimedCuts(cuts, 12);
    const gaps = chosen.slice(1).map((position, i) => position - (chosen[i] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(26);
  });

  it('times an empty network and one of a single node', () => {
    expect(chooseTimedCuts([{ headFlops: 0, bytesUp: 0 }], 12)).toEqual([0]);
    expect(
      chooseTimedCuts(
        [
          { headFlops: 0, bytesUp: 9 },
          { headFlops: 1, bytesUp: 0 },
        ],
        12,
      ),
    ).toEqual([0, 1]);
  });
});

describe('timeInterpolator', () => {
  it('goes straight from one timed neighbour to the next', () => {
    const at = timeInterpolator([
      { work: 0, headMs: 0, tailMs: 10 },
      { work: 100, headMs: 8, tailMs: 0 },
    ]);
    expect(at(25)).toEqual({ headMs: 2, tailMs: 7.5 });
    expect(at(1000)).toEqual({ headMs: 8, tailMs: 0 });
  });

  it('never lets a head get faster or a tail slower along the work, however noisy the timings were', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = randomFrom(seed);
      const points = Array.from({ length: 10 }, (_, i) => ({ work: i, headMs: random() * 10, tailMs: random() * 10 }));
      const at = timeInterpolator(points);
      for (let work = 0.1; work < 9; work += 0.1) {
        expect(at(work).headMs).toBeGreaterThanOrEqual(at(work - 0.1).headMs - 1e-9);
        expect(at(work).tailMs).toBeLessThanOrEqual(at(work - 0.1).tailMs + 1e-9);
      }
    }
  });
});
