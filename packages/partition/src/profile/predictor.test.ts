import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fitPredictors, LEAST_SAMPLES_PER_KIND, type NodeSample, predictMs, predictTotalMs } from './predictor.js';

const kind = fc.constantFrom('Conv', 'Relu', 'Gemm', '__proto__');
const work = fc.record({
  kind,
  flops: fc.oneof(fc.constant(0), fc.double({ min: 1, max: 1e10, noNaN: true })),
  bytes: fc.double({ min: 0, max: 1e8, noNaN: true }),
});
const sample: fc.Arbitrary<NodeSample> = fc
  .tuple(work, fc.double({ min: 0, max: 100, noNaN: true }), fc.constantFrom('a', 'b', 'c'))
  .map(([node, ms, group]) => ({ ...node, ms, group }));
const samples = fc.array(sample, { minLength: 1, maxLength: 60 });

test('no prediction is negative, not even of kinds that were never seen', () => {
  fc.assert(
    fc.property(samples, work, fc.boolean(), (seen, node, isUnknown) => {
      const predicted = predictMs(fitPredictors(seen), isUnknown ? { ...node, kind: 'Unheard' } : node);
      expect(predicted).toBeGreaterThanOrEqual(0);
      expect(predicted).toBeLessThan(Number.POSITIVE_INFINITY);
    }),
  );
});

test('the order of the samples does not matter', () => {
  const shuffled = samples.chain((seen) =>
    fc.tuple(fc.constant(seen), fc.shuffledSubarray(seen, { minLength: seen.length, maxLength: seen.length })),
  );
  fc.assert(
    fc.property(shuffled, ([seen, permuted]) => {
      const [one, other] = [fitPredictors(seen), fitPredictors(permuted)];
      expect(Object.keys(other.kinds)).toEqual(Object.keys(one.kinds));
      for (const node of seen) {
        const ms = predictMs(one, node);
        expect(Math.abs(predictMs(other, node) - ms)).toBeLessThanOrEqual(1e-6 * (1e-3 + ms));
      }
    }),
  );
});

test('times that follow the model are predicted exactly, for nodes that were not seen too', () => {
  const coefficient = fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 10, noNaN: true }));
  fc.assert(
    fc.property(coefficient, coefficient, fc.double({ min: 0.01, max: 1, noNaN: true }), (perFlop, perByte, launch) => {
      const msOf = (flops: number, bytes: number) => perFlop * 1e-8 * flops + perByte * 1e-6 * bytes + launch;
      const seen = Array.from({ length: 12 }, (_, i): NodeSample => {
        const [flops, bytes] = [1e7 * (1 + i), 1e5 * (1 + ((i * 7) % 5))];
        return { kind: 'Conv', flops, bytes, ms: msOf(flops, bytes), group: 'a' };
      });
      const predicted = predictMs(fitPredictors(seen), { kind: 'Conv', flops: 5e8, bytes: 3e6 });
      expect(Math.abs(predicted / msOf(5e8, 3e6) - 1)).toBeLessThan(1e-6);
    }),
  );
});

test('a kind with few samples is predicted from all of them together', () => {
  const conv = Array.from({ length: 8 }, (_, i): NodeSample => {
    return { kind: 'Conv', flops: 1e6 * (i + 1), bytes: 0, ms: i + 1, group: 'a' };
  });
  const gemm = (count: number) =>
    Array.from({ length: count }, (_, i): NodeSample => {
      return { kind: 'Gemm', flops: 1e6 * (i + 1), bytes: 0, ms: 3 * (i + 1), group: 'a' };
    });
  const node = { kind: 'Gemm', flops: 1e6, bytes: 0 };
  const few = fitPredictors([...conv, ...gemm(LEAST_SAMPLES_PER_KIND - 1)]);
  expect(predictMs(few, node)).toBe(predictMs(few, { ...node, kind: 'Unheard' }));
  expect(predictMs(fitPredictors([...conv, ...gemm(LEAST_SAMPLES_PER_KIND)]), node)).toBeCloseTo(3, 9);
});

test('what was fused away does not make unknown kinds free', () => {
  const conv = Array.from({ length: 5 }, (_, i): NodeSample => {
    return { kind: 'Conv', flops: 1e6 * (i + 1), bytes: 0, ms: i + 1, group: 'a' };
  });
  const fused = conv.map((sample) => ({ ...sample, kind: 'Relu after Conv', ms: 0 }));
  const predictors = fitPredictors([...conv, ...fused, ...fused]);
  expect(predictMs(predictors, { kind: 'Unheard', flops: 1e6, bytes: 0 })).toBeCloseTo(1, 9);
  expect(predictMs(predictors, { kind: 'Relu after Conv', flops: 1e6, bytes: 0 })).toBe(0);
});

test('small and large nodes count alike: the error is relative', () => {
  const seen = [0.1, 0.2, 100, 200].map((ms): NodeSample => {
    // Large nodes take twice as long per FLOP.
    return { kind: 'Conv', flops: ms > 1 ? ms / 2 : ms, bytes: 0, ms, group: 'a' };
  });
  const small = predictMs(fitPredictors(seen), { kind: 'Conv', flops: 0.1, bytes: 0 });
  const large = predictMs(fitPredictors(seen), { kind: 'Conv', flops: 100, bytes: 0 });
  expect(Math.abs(small / 0.1 - 1)).toBeLessThan(0.5);
  expect(Math.abs(large / 200 - 1)).toBeLessThan(0.5);
});

test('predictors go through JSON, and say where they are from', () => {
  fc.assert(
    fc.property(samples, work, (seen, node) => {
      const predictors = fitPredictors(seen, 'a board');
      const back = JSON.parse(JSON.stringify(predictors));
      expect(back.machine).toBe('a board');
      expect(predictMs(back, node)).toBe(predictMs(predictors, node));
    }),
  );
});

test('a head is the sum of its nodes', () => {
  const predictors = fitPredictors([
    { kind: 'Conv', flops: 1e6, bytes: 1e4, ms: 1, group: 'a' },
    { kind: 'Conv', flops: 2e6, bytes: 2e4, ms: 2, group: 'a' },
  ]);
  const nodes = [1e6, 5e6].map((flops) => ({ kind: 'Conv', flops, bytes: 0 }));
  expect(predictTotalMs(predictors, nodes)).toBeCloseTo(
    nodes.reduce((sum, node) => sum + predictMs(predictors, node), 0),
    12,
  );
  expect(predictTotalMs(predictors, [])).toBe(0);
});
