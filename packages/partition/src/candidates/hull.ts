import { Covering } from './cover.js';
import { type FeatureTable, tableOf } from './feature-table.js';

/** Directions that are tried before any linear program. */
const DIRECTIONS = 16;
/** Weights of scaled features lie within e^±SPREAD of each other: links and loads differ by decades. */
const SPREAD = 9;

/** What is known of a row. */
const OPEN = 0;
const WINNER = 1;
const COVERED = 2;

/** Which rows can be the lowest, for some weights that are not negative. */
export interface Hull {
  /** Rows that can, or that nothing proves cannot; ascending. */
  readonly winners: readonly number[];
  /** Of every other row, the winners a mix of which is at most as high in every feature. */
  readonly certificates: ReadonlyMap<number, readonly number[]>;
}

/**
 * The lower hull of points over non-negative weights. A row goes only with a certificate: some convex combination of other
 * rows is at most as high in every feature, so for no weights is its sum the strictly lowest, and of equal sums the lowest
 * index is never its own. First winners are found by trying directions; then each row is held against the winners, alone
 * and mixed ({@link Covering}), and where no mix covers it, the direction that shows it finds another winner.
 *
 * @param rows non-negative features; a row with any other value always stays
 */
export function lowerHull(rows: readonly ArrayLike<number>[]): Hull {
  const table = tableOf(rows);
  const state = Uint8Array.from(table.isUsable, (isUsable) => (isUsable === 1 ? OPEN : WINNER));
  const winners: number[] = [];
  const win = (row: number): void => {
    state[row] = WINNER;
    winners.push(row);
  };
  for (const weights of directions(table.numColumns)) {
    const lowest = lowestOpenRow(table, state, weights, winners);
    if (lowest !== undefined) win(lowest);
  }
  const covering = new Covering(table);
  const certificates = new Map<number, readonly number[]>();
  for (let row = 0; row < table.numRows; row++) {
    while (state[row] === OPEN) {
      const answer = covering.cover(row, winners);
      if ('mix' in answer) {
        certificates.set(row, answer.mix);
        state[row] = COVERED;
      } else {
        const lowest = answer.weights && lowestOpenRow(table, state, answer.weights, winners);
        win(lowest ?? row);
      }
    }
  }
  return { winners: [...state.keys()].filter((row) => state[row] === WINNER), certificates };
}

/** The first of the rows with the least weighted sum, if nothing is known of it; covered rows never have a lower one. */
function lowestOpenRow(
  { numRows, numColumns, values }: FeatureTable,
  state: Uint8Array,
  weights: Float64Array,
  winners: readonly number[],
): number | undefined {
  const weighing = [...weights.keys()].filter((column) => weights[column] !== 0);
  const sumOf = (row: number): number => {
    const start = row * numColumns;
    let sum = 0;
    for (const column of weighing) sum += (weights[column] ?? 0) * (values[start + column] ?? 0);
    return sum;
  };
  let lowest: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const row of winners) least = Math.min(least, sumOf(row));
  for (let row = 0; row < numRows; row++) {
    if (state[row] !== OPEN) continue;
    const sum = sumOf(row);
    if (sum >= least) continue;
    least = sum;
    lowest = row;
  }
  return lowest;
}

/**
 * Directions spread evenly over the logarithms of the weights: an additive recurrence with the powers of the inverse of
 * the generalised golden ratio (Roberts's R sequence). The same ones each time, so that the same rows give the same hull.
 */
function* directions(numColumns: number): Generator<Float64Array> {
  let ratio = 2;
  for (let step = 0; step < 30; step++) ratio = (1 + ratio) ** (1 / (numColumns + 1));
  const weights = new Float64Array(numColumns);
  for (let index = 0; index < DIRECTIONS; index++) {
    for (let column = 0; column < numColumns; column++) {
      const place = (0.5 + (index + 1) * ratio ** -(column + 1)) % 1;
      weights[column] = Math.exp(SPREAD * (2 * place - 1));
    }
    yield weights;
  }
}
