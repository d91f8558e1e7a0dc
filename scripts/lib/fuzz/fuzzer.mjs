import { Reached } from './coverage.mjs';
import { mutate, seededRandom } from './mutate.mjs';

/** So many inputs run between two looks at the coverage, which cost more than the inputs do. */
const BATCH = 2_000;

/**
 * What is fuzzed.
 * @typedef {object} Target
 * @property {(bytes: Buffer) => void | Promise<void>} run throws when something is wrong with what the input did
 * @property {readonly string[]} words that inputs are likely to hold
 * @property {readonly Buffer[]} seeds to begin with
 * @property {number} maxBytes
 */

/** A coverage-guided fuzzer: what makes new code run is kept, and changed further. */
export class Fuzzer {
  #target;
  #coverage;
  #random;
  #onInput;
  #seen = new Reached();
  /** Inputs that each made something new run. @type {Buffer[]} */
  corpus = [];
  runs = 0;

  /**
   * @param {Target} target
   * @param {import('./coverage.mjs').Coverage} coverage
   * @param {{ seed: number, onInput?: (bytes: Buffer) => void }} options onInput: called before each input runs
   */
  constructor(target, coverage, { seed, onInput = () => undefined }) {
    this.#target = target;
    this.#coverage = coverage;
    this.#random = seededRandom(seed);
    this.#onInput = onInput;
  }

  /** Characters of source that ran. */
  get reached() {
    return this.#seen.size;
  }

  /** Runs what is known already. @param {readonly Buffer[]} inputs */
  async load(inputs) {
    for (const input of inputs) await this.#explore([input]);
    if (this.corpus.length === 0) this.corpus.push(...inputs.slice(0, 1));
  }

  /** Runs one batch of new inputs. */
  async step() {
    const { words, maxBytes } = this.#target;
    const inputs = Array.from({ length: BATCH }, () => mutate(this.corpus, words, this.#random, maxBytes));
    this.runs += inputs.length;
    await this.#explore(inputs);
  }

  /** The fewest inputs, short ones first, that together make all of it run. */
  async distilled() {
    const byLength = [...this.corpus].sort((a, b) => a.byteLength - b.byteLength);
    const reached = new Reached();
    const fewest = [];
    for (const input of byLength) {
      const ran = await this.#run([input]);
      if (ran.isBeyond(reached)) fewest.push(input);
      reached.add(ran);
    }
    return fewest;
  }

  /** Finds the inputs of a batch that did something new, by halving it. */
  async #explore(inputs) {
    const ran = await this.#run(inputs);
    if (!ran.isBeyond(this.#seen)) return;
    if (inputs.length > 1) {
      const middle = inputs.length >> 1;
      await this.#explore(inputs.slice(0, middle));
      await this.#explore(inputs.slice(middle));
      return;
    }
    this.#seen.add(ran);
    this.corpus.push(...inputs);
  }

  async #run(inputs) {
    this.#coverage.take();
    for (const input of inputs) {
      this.#onInput(input);
      await this.#target.run(input);
    }
    return this.#coverage.take();
  }
}
