import type { FeatureTable } from './feature-table.js';
import { type GameSolution, solveGame } from './matrix-game.js';

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
/** Winners that are mixed first: those that covered the rows before. Rows of neighbouring cuts are covered by the same. */
const RECENT = 8;

/** A mix of winners that is nowhere higher than the row, or weights for which the row may be lower than all of them. */
export type Cover = { readonly mix: readonly number[] } | { readonly weights: Float64Array | undefined };

/** Holds rows against others, alone and mixed ({@link solveGame}). */
export class Covering {
  readonly #table: FeatureTable;
  /** Winners of the latest mixes, the latest first. */
  #recent: readonly number[] = [];

  constructor(table: FeatureTable) {
    this.#table = table;
  }

  /** @param winners usable rows, without this one */
  cover(row: number, winners: readonly number[]): Cover {
    const mixed = this.#mixedColumns(row);
    const few = this.#possible(row, this.#recent);
    const quick = this.#mix(row, mixed, few, this.#game(row, mixed, few, MARGIN));
    if (quick !== undefined) return this.#covered(quick);
    const alone = this.#alone(row, winners);
    if (alone !== undefined) return { mix: [alone] };
    const possible = this.#possible(row, winners);
    const game = this.#game(row, mixed, possible, MARGIN);
    if (game === undefined) return { weights: undefined };
    const mix = this.#mix(row, mixed, possible, game) ?? this.#loneMix(row, mixed, possible, game.value);
    return mix === undefined ? { weights: this.#weights(row, mixed, game) } : this.#covered(mix);
  }

  #covered(mix: readonly number[]): Cover {
    this.#recent = [...mix, ...this.#recent.filter((winner) => !mix.includes(winner))].slice(0, RECENT);
    return { mix };
  }

  /** Where the row is 0 all of a mix must be; of the others those that are 0 or 1 ask for nothing else. */
  #mixedColumns(row: number): readonly number[] {
    const { numColumns, values, isBinary } = this.#table;
    const mixed: number[] = [];
    for (let column = 0; column < numColumns; column++) {
      if (isBinary[column] === 0 && (values[row * numColumns + column] ?? 0) > 0) mixed.push(column);
    }
    return mixed;
  }

  /** The rows that are 0 wherever this one is. */
  #possible(row: number, others: readonly number[]): readonly number[] {
    const { numColumns, values } = this.#table;
    const own = row * numColumns;
    return others.filter((other) => {
      for (let column = 0; column < numColumns; column++) {
        if (values[own + column] === 0 && values[other * numColumns + column] !== 0) return false;
      }
      return true;
    });
  }

  /** A winner that is nowhere higher than the row, and stands before it or is clearly lower. */
  #alone(row: number, winners: readonly number[]): number | undefined {
    const { numColumns, values } = this.#table;
    return winners.find((winner) => {
      let lower = 0;
      for (let column = 0; column < numColumns; column++) {
        const difference = (values[row * numColumns + column] ?? 0) - (values[winner * numColumns + column] ?? 0);
        if (difference < 0) return false;
        lower += difference;
      }
      return winner < row || lower >= CLEARLY_LOWER;
    });
  }

  /** @param lone the one column in which the mix shall be lower by the margin; every one when left out */
  #game(
    row: number,
    mixed: readonly number[],
    possible: readonly number[],
    margin: number,
    lone?: number,
  ): GameSolution | undefined {
    if (possible.length < 2 || mixed.length === 0) return undefined;
    const { numColumns, values } = this.#table;
    const payoffs = new Float64Array(possible.length * mixed.length);
    let place = 0;
    for (const other of possible) {
      for (const column of mixed) {
        const lower = lone === undefined || lone === column ? margin : 0;
        const own = values[row * numColumns + column] ?? 0;
        payoffs[place++] = (values[other * numColumns + column] ?? 0) - own * (1 - lower);
      }
    }
    return solveGame(payoffs, mixed.length);
  }

  /** The rows of a game's mix, if it is as low as that game asked. */
  #mix(
    row: number,
    mixed: readonly number[],
    possible: readonly number[],
    game: GameSolution | undefined,
    lone?: number,
  ): readonly number[] | undefined {
    if (game === undefined) return undefined;
    const { numColumns, values } = this.#table;
    const margin = lone === undefined ? MARGIN : LONE_MARGIN;
    for (const column of mixed) {
      const own = values[row * numColumns + column] ?? 0;
      const target = own * (1 - (lone === undefined || lone === column ? margin : 0));
      let sum = 0;
      for (const [index, other] of possible.entries()) {
        const share = game.mix[index] ?? 0;
        if (share > 0) sum += share * ((values[other * numColumns + column] ?? 0) - target);
      }
      if (sum > ROUNDING * own) return undefined;
    }
    return possible.filter((_, index) => (game.mix[index] ?? 0) > 0);
  }

  /** Where tails are in proportion to heads, all rows lie in one plane and no mix is lower in both: one feature must do. */
  #loneMix(
    row: number,
    mixed: readonly number[],
    possible: readonly number[],
    value: number,
  ): readonly number[] | undefined {
    if (value > 2 * MARGIN) return undefined;
    for (const lone of mixed) {
      const mix = this.#mix(row, mixed, possible, this.#game(row, mixed, possible, LONE_MARGIN, lone), lone);
      if (mix !== undefined) return mix;
    }
    return undefined;
  }

  /** The answer to the game's mix: where every winner looks worse than the row. */
  #weights(row: number, mixed: readonly number[], game: GameSolution): Float64Array {
    const { numColumns, values } = this.#table;
    const weights = new Float64Array(numColumns);
    for (let column = 0; column < numColumns; column++) {
      if (values[row * numColumns + column] === 0) weights[column] = HEAVY;
    }
    for (const [position, column] of mixed.entries()) weights[column] = game.weights[position] ?? 0;
    return weights;
  }
}
