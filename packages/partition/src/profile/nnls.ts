/**
 * Non-negative least squares: the x >= 0 that minimises ||A x - b||. The active set method of Lawson & Hanson, "Solving Least
 * Squares Problems" (1974), chapter 23, algorithm NNLS, for small dense problems: each step solves the unconstrained problem
 * over the columns that are free to be positive. Columns are scaled to unit length first, so that columns of
 * different units (FLOPs and a constant 1) meet the same tolerance.
 *
 * @param rows A, [m, n]
 * @param targets b, [m]
 * @returns x, [n]; 0 for columns that are zero everywhere
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): readonly number[] {
  const width = rows[0]?.length ?? 0;
  const target = Float64Array.from(targets);
  const columns = Array.from({ length: width }, (_, j) => Float64Array.from(rows, (row) => row[j] ?? 0));
  const scales = columns.map(lengthOf);
  for (const [j, column] of columns.entries()) divide(column, scales[j] || 1);
  const tolerance = TOLERANCE * lengthOf(target);

  let solution = new Array<number>(width).fill(0);
  const free = new Set<number>();
  /** Columns that were tried since the solution last moved, and that cannot become positive. */
  const refused = new Set<number>();
  for (let step = 0; step < MAX_STEPS_PER_COLUMN * width; step++) {
    const entering = steepest(columns, residualOf(columns, solution, target), (j) => free.has(j) || refused.has(j));
    if (entering === undefined || entering.slope <= tolerance) break;
    free.add(entering.column);
    const moved = settle(columns, target, solution, free, entering.column);
    if (moved === undefined) {
      free.delete(entering.column);
      refused.add(entering.column);
    } else {
      solution = moved;
      refused.clear();
    }
  }
  return solution.map((value, j) => (value > 0 ? value / (scales[j] || 1) : 0));
}

/** Of the length of `b`: a slope below it is rounding. */
const TOLERANCE = 1e-12;
/** What Lawson and Hanson advise as a bound; the method ends by itself long before. */
const MAX_STEPS_PER_COLUMN = 3;
/** A column that keeps less than this of its length beside the others is a combination of them. */
const INDEPENDENT = 1e-10;

/** The column along which the squared error falls fastest. */
function steepest(
  columns: readonly Float64Array[],
  residual: Float64Array,
  isExcluded: (column: number) => boolean,
): { readonly column: number; readonly slope: number } | undefined {
  let best: { readonly column: number; readonly slope: number } | undefined;
  for (const [column, values] of columns.entries()) {
    if (isExcluded(column)) continue;
    const slope = dot(values, residual);
    if (best === undefined || slope > best.slope) best = { column, slope };
  }
  return best;
}

/**
 * Moves towards the unconstrained solution over the free columns, and takes out of `free` those that would get below 0
 * on the way, until none does.
 *
 * @returns `undefined` when the entering column would not become positive, which is rounding or a dependent column
 */
function settle(
  columns: readonly Float64Array[],
  target: Float64Array,
  from: readonly number[],
  free: Set<number>,
  entering: number,
): number[] | undefined {
  let current = [...from];
  for (let isFirst = true; ; isFirst = false) {
    const aim = solveOver(columns, target, free);
    if (aim === undefined || (isFirst && (aim[entering] ?? 0) <= 0)) return undefined;
    const blocked = [...free].filter((j) => (aim[j] ?? 0) <= 0);
    if (blocked.length === 0) return aim;
    const shareOf = (j: number): number => {
      const from = current[j] ?? 0;
      // At 0 it goes no further, also when its aim is 0 itself.
      return from > 0 ? from / (from - (aim[j] ?? 0)) : 0;
    };
    // The nearest one leaves whatever rounding makes of it, so this ends.
    const share = Math.min(...blocked.map(shareOf));
    const leaving = blocked.filter((j) => shareOf(j) <= share);
    current = current.map((value, j) => (leaving.includes(j) ? 0 : value + share * ((aim[j] ?? 0) - value)));
    for (const j of leaving) free.delete(j);
  }
}

/** Unconstrained least squares over some columns, 0 for the others; `undefined` when they depend on each other. */
function solveOver(
  columns: readonly Float64Array[],
  target: Float64Array,
  free: ReadonlySet<number>,
): number[] | undefined {
  // QR by modified Gram-Schmidt with the target as one more column, which is backward stable for least squares
  // (Björck, "Solving linear least squares problems by Gram-Schmidt orthogonalization", BIT 7, 1967).
  const chosen = [...free];
  const basis = chosen.map((j) => (columns[j] ?? target).slice());
  const rest = target.slice();
  const upper: number[][] = [];
  const projected: number[] = [];
  for (const [i, direction] of basis.entries()) {
    const length = lengthOf(direction);
    if (length < INDEPENDENT) return undefined;
    divide(direction, length);
    const row = basis.map((other, k) => (k > i ? takeOut(other, direction) : 0));
    row[i] = length;
    upper.push(row);
    projected.push(takeOut(rest, direction));
  }
  const solution = columns.map(() => 0);
  for (let i = chosen.length - 1; i >= 0; i--) {
    const row = upper[i] ?? [];
    let value = projected[i] ?? 0;
    for (let k = i + 1; k < chosen.length; k++) value -= (row[k] ?? 0) * (solution[chosen[k] ?? 0] ?? 0);
    solution[chosen[i] ?? 0] = value / (row[i] ?? 1);
  }
  return solution;
}

/** Removes from `vector` its part along `direction` of unit length. @returns how long that part was */
function takeOut(vector: Float64Array, direction: Float64Array): number {
  const along = dot(vector, direction);
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) - along * (direction[i] ?? 0);
  return along;
}

function residualOf(columns: readonly Float64Array[], solution: readonly number[], target: Float64Array): Float64Array {
  const residual = target.slice();
  for (const [j, column] of columns.entries()) {
    const factor = solution[j] ?? 0;
    if (factor === 0) continue;
    for (let i = 0; i < residual.length; i++) residual[i] = (residual[i] ?? 0) - factor * (column[i] ?? 0);
  }
  return residual;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function lengthOf(vector: Float64Array): number {
  return Math.sqrt(dot(vector, vector));
}

function divide(vector: Float64Array, by: number): void {
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] ?? 0) / by;
}
