import { type FeatureTable, tableOf } from './feature-table.js';
import { type GameSolution, solveGame } from './matrix-game.js';

/** Directions that are tried before any linear program. */
const DIRECTIONS = 192;
/** Weights of scaled features lie within e^±SPREAD of each other: links and loads differ by decades. */
const SPREAD = 9;
/**
 * A mix drops an arm only where it is lower by this share in every feature that is not 0 or 1, so that no rounding of a sum
 * of some terms (2^-50 of it) can make the arm look better than all of the mix.
 */
const MARGIN = 1e-9;
/** Or by this share in one feature, and not higher in any other by more than what a few sums are rounded by. */
const LONE_MARGIN = 1e-6;
const ROUNDING = 1e-13;
/** So much lower, in units of a feature's largest value, must one arm be than one with a lower index to drop it. */
const CLEARLY_LOWER = 1e-6;
/** Weight of a feature that is 0 in an arm, where it should look good. */
const HEAVY = 1e6;

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
 * and mixed ({@link solveGame}), and where no mix covers it, the direction that shows it finds another winner.
 *
 * @param rows non-negative features; a row with any other value always stays
 */
export function lowerHull(rows: readonly ArrayLike<number>[]): Hull {
  const table = tableOf(rows);
  const winners = new Set<number>();
  for (let row = 0; row < table.numRows; row++) if (table.isUsable[row] === 0) winners.add(row);
  for (const weights of directions(table.numColumns)) {
    const lowest = lowestRow(table, weights);
    if (lowest >= 0) winners.add(lowest);
  }
  const certificates = new Map<number, readonly number[]>();
  for (let row = 0; row < table.numRows; row++) {
    while (!winners.has(row)) {
      const answer = cover(table, row, winners);
      if ('mix' in answer) {
        certificates.set(row, answer.mix);
        break;
      }
      const lowest = answer.weights === undefined ? row : lowestRow(table, answer.weights);
      winners.add(winners.has(lowest) || lowest < 0 ? row : lowest);
    }
  }
  return { winners: [...winners].sort((a, b) => a - b), certificates };
}

type Cover = { readonly mix: readonly number[] } | { readonly weights: Float64Array | undefined };

/** A mix of winners that is nowhere higher than the row, or weights for which the row may be lower than all of them. */
function cover(table: FeatureTable, row: number, winners: ReadonlySet<number>): Cover {
  const { numColumns, values, isBinary } = table;
  const own = values.subarray(row * numColumns, (row + 1) * numColumns);
  // Where the row is 0 all of the mix must be; features that are 0 or 1 ask for nothing else.
  const mixed: number[] = [];
  for (let column = 0; column < numColumns; column++) {
    if (isBinary[column] === 0 && (own[column] ?? 0) > 0) mixed.push(column);
  }
  const possible: number[] = [];
  for (const winner of winners) {
    if (table.isUsable[winner] === 0) continue;
    let isNowhereHigher = true;
    let isPossible = true;
    let lower = 0;
    for (let column = 0; column < numColumns; column++) {
      const difference = (own[column] ?? 0) - (values[winner * numColumns + column] ?? 0);
      lower += difference;
      if (difference >= 0) continue;
      isNowhereHigher = false;
      if (own[column] === 0) isPossible = false;
    }
    if (isNowhereHigher && (winner < row || lower >= CLEARLY_LOWER)) return { mix: [winner] };
    if (isPossible) possible.push(winner);
  }
  if (possible.length < 2 || mixed.length === 0) return { weights: undefined };
  const payoffs = (lower: (column: number) => number): Float64Array[] =>
    possible.map((winner) =>
      Float64Array.from(mixed, (column) => {
        return (values[winner * numColumns + column] ?? 0) - (own[column] ?? 0) * (1 - lower(column));
      }),
    );
  const covering = (columns: readonly Float64Array[], game: GameSolution): readonly number[] | undefined => {
    const isCovered = mixed.every((column, position) => {
      const sum = game.mix.reduce((total, share, index) => total + share * (columns[index]?.[position] ?? 0), 0);
      return sum <= ROUNDING * (own[column] ?? 0);
    });
    return isCovered ? possible.filter((_, index) => (game.mix[index] ?? 0) > 0) : undefined;
  };
  const strict = payoffs(() => MARGIN);
  const game = solveGame(strict, mixed.length);
  if (game === undefined) return { weights: undefined };
  const mix = covering(strict, game);
  if (mix !== undefined) return { mix };
  // Where tails are in proportion to heads, all rows lie in one plane and no mix is lower in both: one feature must do.
  for (const lower of game.value <= 2 * MARGIN ? mixed : []) {
    const columns = payoffs((column) => (column === lower ? LONE_MARGIN : 0));
    const other = solveGame(columns, mixed.length);
    const found = other === undefined ? undefined : covering(columns, other);
    if (found !== undefined) return { mix: found };
  }
  const weights = new Float64Array(numColumns);
  for (let column = 0; column < numColumns; column++) if (own[column] === 0) weights[column] = HEAVY;
  for (const [position, column] of mixed.entries()) weights[column] = game.weights[position] ?? 0;
  return { weights };
}

/** The first of the rows with the least weighted sum; -1 when there is none. */
function lowestRow({ numRows, numColumns, values, isUsable }: FeatureTable, weights: Float64Array): number {
  let lowest = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let row = 0, start = 0; row < numRows; row++, start += numColumns) {
    if (isUsable[row] === 0) continue;
    let sum = 0;
    for (let column = 0; column < numColumns; column++) sum += (weights[column] ?? 0) * (values[start + column] ?? 0);
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
