import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nonNegativeLeastSquares } from './nnls.js';

const value = fc.integer({ min: -10_000, max: 10_000 }).map((thousandths) => thousandths / 1000);
const problem = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 })).chain(([height, width]) =>
  fc.record({
    rows: fc.array(fc.array(value, { minLength: width, maxLength: width }), { minLength: height, maxLength: height }),
    targets: fc.array(value, { minLength: height, maxLength: height }),
    /** FLOPs against a constant 1: columns may be many orders of magnitude apart. */
    exponents: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: width, maxLength: width }),
  }),
);

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
const norm = (a: readonly number[]) => Math.sqrt(dot(a, a));

test('the solution meets the Karush-Kuhn-Tucker conditions, whatever the units of the columns', () => {
  fc.assert(
    fc.property(problem, ({ rows: unscaled, targets, exponents }) => {
      const rows = unscaled.map((row) => row.map((x, j) => x * 10 ** (exponents[j] ?? 0)));
      const x = nonNegativeLeastSquares(rows, targets);
      const residual = rows.map((row, i) => (targets[i] ?? 0) - dot(row, x));
      for (const [j, xj] of x.entries()) {
        const column = rows.map((row) => row[j] ?? 0);
        const slope = norm(column) === 0 ? 0 : dot(column, residual) / norm(column);
        const tolerance = 1e-6 * norm(targets);
        expect(xj).toBeGreaterThanOrEqual(0);
        expect(slope).toBeLessThanOrEqual(tolerance);
        if (xj > 0) expect(Math.abs(slope)).toBeLessThanOrEqual(tolerance);
      }
    }),
    { numRuns: 1000 },
  );
});

test('no other non-negative point is nearer', () => {
  const others = fc.array(fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { minLength: 5, maxLength: 5 }));
  fc.assert(
    fc.property(problem, others, ({ rows, targets }, points) => {
      const errorOf = (x: readonly number[]) => norm(rows.map((row, i) => (targets[i] ?? 0) - dot(row, x)));
      const least = errorOf(nonNegativeLeastSquares(rows, targets));
      for (const point of points) expect(errorOf(point)).toBeGreaterThanOrEqual(least - 1e-9 * norm(targets));
    }),
  );
});

test('non-negative ground truth over independent columns is found exactly', () => {
  const truth = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0.1, max: 10, noNaN: true })), {
    minLength: 4,
    maxLength: 4,
  });
  fc.assert(
    fc.property(truth, fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 4, maxLength: 4 }), (x, exponents) => {
      // Rows of powers of distinct points: columns are independent.
      const scales = exponents.map((exponent) => 10 ** exponent);
      const rows = [0.3, 0.7, 1, 1.2, 1.6, 2].map((t) => scales.map((scale, j) => scale * t ** j));
      const scaled = x.map((value, j) => value / (scales[j] ?? 1));
      const found = nonNegativeLeastSquares(
        rows,
        rows.map((row) => dot(row, scaled)),
      );
      for (const [j, value] of x.entries()) expect((found[j] ?? 0) * (scales[j] ?? 1)).toBeCloseTo(value, 6);
    }),
  );
});

test('where the unconstrained solution is negative, the coefficient is 0 and the others are fitted again', () => {
  // Unconstrained: y = 3 - x. Without the slope the best constant is the mean.
  const [slope, constant] = nonNegativeLeastSquares(
    [
      [0, 1],
      [1, 1],
      [2, 1],
    ],
    [3, 2, 1],
  );
  expect(slope).toBe(0);
  expect(constant).toBeCloseTo(2, 12);
});

test('a column that comes to 0 while another one leaves ends the search', () => {
  // The third column enters, the fourth leaves, and the third is then exactly 0. Found by the property above.
  const rows = [0.3, 0.7, 1, 1.2, 1.6, 2].map((t) => [4, -2, -7, -4].map((exponent, j) => 10 ** exponent * t ** j));
  const targets = [
    0.109_000_000_000_000_1, 0.149_000_000_000_000_16, 0.200_000_000_000_000_3, 0.244_000_000_000_000_38,
  ];
  const [constant = 0, , square = 0] = nonNegativeLeastSquares(rows, [
    ...targets,
    0.356_000_000_000_000_65,
    0.500_000_000_000_000_9,
  ]);
  expect(constant * 1e4).toBeCloseTo(0.1, 6);
  expect(square * 1e-7).toBeCloseTo(0.1, 6);
});

test('columns that say the same, or nothing, do no harm', () => {
  const x = nonNegativeLeastSquares(
    [
      [1, 2, 0],
      [2, 4, 0],
    ],
    [4, 8],
  );
  expect((x[0] ?? 0) + 2 * (x[1] ?? 0)).toBeCloseTo(4, 12);
  expect(x[2]).toBe(0);
  expect(nonNegativeLeastSquares([], [])).toEqual([]);
});
