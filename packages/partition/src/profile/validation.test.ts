import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NodeSample } from './predictor.js';
import { crossValidate, foldsOf, headErrors } from './validation.js';

const sample: fc.Arbitrary<NodeSample> = fc.record({
  kind: fc.constantFrom('Conv', 'Relu'),
  flops: fc.integer({ min: 0, max: 1e9 }),
  bytes: fc.integer({ min: 0, max: 1e8 }),
  ms: fc.double({ min: 0, max: 50, noNaN: true }),
  group: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
});

test('folds leave out whole networks, each once, and never fit what they leave out', () => {
  const several = fc
    .array(sample, { minLength: 2 })
    .filter((samples) => new Set(samples.map(({ group }) => group)).size >= 2);
  const cases = several.chain((samples) => {
    const groups = new Set(samples.map(({ group }) => group)).size;
    return fc.tuple(
      fc.constant(samples),
      fc.oneof(fc.constant('leave-one-group-out' as const), fc.integer({ min: 2, max: groups })),
    );
  });
  fc.assert(
    fc.property(cases, ([samples, folds]) => {
      const made = foldsOf(samples, folds);
      for (const { fitted, left, groups } of made) {
        expect(fitted.length + left.length).toBe(samples.length);
        expect(fitted.some(({ group }) => groups.has(group))).toBe(false);
        expect(left.every(({ group }) => groups.has(group))).toBe(true);
        expect(left.length).toBeGreaterThan(0);
      }
      expect(made.flatMap(({ left }) => left).length).toBe(samples.length);
    }),
  );
});

test('more folds than networks, or only one network, are refused', () => {
  const one: NodeSample = { kind: 'Conv', flops: 1, bytes: 1, ms: 1, group: 'a' };
  const tooFew = expect.objectContaining({ code: 'too_few_groups' });
  expect(() => crossValidate([one], 'leave-one-group-out')).toThrow(tooFew);
  expect(() => crossValidate([one, { ...one, group: 'b' }], 3)).toThrow(tooFew);
  expect(() => crossValidate([one, { ...one, group: 'b' }], 1)).toThrow(tooFew);
});

/** `slowness` ms per MFLOP. */
function network(group: string, slowness: number): NodeSample[] {
  return Array.from({ length: 6 }, (_, i) => {
    const flops = 1e6 * (i + 1);
    return { kind: 'Conv', flops, bytes: 0, ms: slowness * (i + 1), group };
  });
}

test('a network that behaves differently is predicted as the others behave', () => {
  const { kinds, all } = crossValidate([...network('a', 1), ...network('b', 2)], 'leave-one-group-out');
  // a is predicted twice too slow, b twice too fast.
  expect(all.mape).toBeCloseTo((1 + 0.5) / 2, 6);
  expect(kinds.Conv?.count).toBe(12);
});

test('networks that behave alike are predicted without error', () => {
  const { all } = crossValidate([...network('a', 1), ...network('b', 1), ...network('c', 1)], 3);
  expect(all.mape).toBeLessThan(1e-9);
  expect(all.r2).toBeCloseTo(1, 9);
  expect(all.bias).toBeCloseTo(0, 9);
});

test('heads of a network are predicted from the nodes of the others', () => {
  const samples = [...network('a', 1), ...network('b', 1)];
  const nodes = network('a', 1).slice(0, 3);
  const { groups } = headErrors(samples, [
    { group: 'a', nodes, ms: 6 },
    { group: 'a', nodes: nodes.slice(0, 1), ms: 2 },
  ]);
  expect(groups.a?.mape).toBeCloseTo((0 + 0.5) / 2, 6);
  expect(groups.a?.bias).toBeCloseTo(7 / 8 - 1, 6);
  expect(groups.b).toBeUndefined();
});
