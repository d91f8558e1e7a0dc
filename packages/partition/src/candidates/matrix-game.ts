/** Smaller entries of the tableau are rounding. */
const TINY = 1e-13;
/** Lifts payoffs of -1..1 above 0, where the value of the game is the inverse of a linear program's optimum. */
const LIFT = 2;

export interface GameSolution {
  /** What the mixing player pays at least, whatever the answer; exact when `weights` answer it. */
  readonly value: number;
  /** Probability of each column, in the order given. */
  readonly mix: Float64Array;
  /** The other player's mix over rows: against it every column pays at least `value`. */
  readonly weights: Float64Array;
}

/**
 * A zero-sum game: the one player mixes columns, the other chooses the row in which the mix pays most. Its value v and mix
 * `m` answer "is a mix of these columns at most 0 in every row?" (yes if v ≤ 0, then `m` is one), and if not, `weights` are
 * a direction in which every single column is above 0.
 *
 * Solved by Dantzig's reduction: with payoffs lifted above 0, maximise Σ y over y ≥ 0 with `payoffs · y ≤ 1`; then v = 1/Σ y
 * less the lift and `m = y/Σ y`. All slacks are a basis to begin with, so a plain tableau does. The largest reduced cost
 * enters; of equal ratios the lowest index leaves, and the number of pivots is bounded in place of a rule against cycles:
 * a game that is not finished counts as one with no answer.
 *
 * @param payoffs column by column, each in -1..1
 * @returns `undefined` when it did not finish
 */
export function solveGame(payoffs: Float64Array, numRows: number): GameSolution | undefined {
  const numColumns = payoffs.length / numRows;
  const width = numColumns + numRows + 1;
  const table = new Float64Array((numRows + 1) * width);
  const basis = new Int32Array(numRows);
  const objective = numRows * width;
  for (let row = 0; row < numRows; row++) {
    for (let column = 0; column < numColumns; column++) {
      table[row * width + column] = (payoffs[column * numRows + row] ?? 0) + LIFT;
    }
    table[row * width + numColumns + row] = 1;
    table[row * width + width - 1] = 1;
    basis[row] = numColumns + row;
  }
  table.fill(-1, objective, objective + numColumns);
  const maxPivots = 20 * (numRows + 5);
  for (let pivots = 0; ; pivots++) {
    const column = entering(table, objective, width - 1);
    if (column < 0) break;
    if (pivots >= maxPivots) return undefined;
    const row = leaving(table, column, numRows, width);
    if (row < 0) return undefined;
    pivot(table, row, column, numRows, width);
    basis[row] = column;
  }
  const sum = table[objective + width - 1] ?? 0;
  const mix = new Float64Array(numColumns);
  for (let row = 0; row < numRows; row++) {
    const column = basis[row] ?? numColumns;
    if (column < numColumns) mix[column] = (table[row * width + width - 1] ?? 0) / sum;
  }
  const weights = new Float64Array(numRows);
  for (let row = 0; row < numRows; row++) weights[row] = (table[objective + numColumns + row] ?? 0) / sum;
  return { value: 1 / sum - LIFT, mix, weights };
}

function entering(table: Float64Array, objective: number, count: number): number {
  let best = -1;
  let least = -TINY;
  for (let column = 0; column < count; column++) {
    const cost = table[objective + column] ?? 0;
    if (cost >= least) continue;
    least = cost;
    best = column;
  }
  return best;
}

function leaving(table: Float64Array, column: number, numRows: number, width: number): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let row = 0; row < numRows; row++) {
    const entry = table[row * width + column] ?? 0;
    if (entry <= TINY) continue;
    const ratio = (table[row * width + width - 1] ?? 0) / entry;
    if (ratio >= least) continue;
    least = ratio;
    best = row;
  }
  return best;
}

function pivot(table: Float64Array, row: number, column: number, numRows: number, width: number): void {
  const start = row * width;
  const factor = 1 / (table[start + column] ?? 1);
  for (let at = start; at < start + width; at++) table[at] = (table[at] ?? 0) * factor;
  for (let other = 0; other <= numRows; other++) {
    if (other === row) continue;
    const base = other * width;
    const times = table[base + column] ?? 0;
    if (times === 0) continue;
    for (let at = 0; at < width; at++) table[base + at] = (table[base + at] ?? 0) - times * (table[start + at] ?? 0);
  }
}
