import type { Pack } from '@cutpoint/protocol';
import type { PackStore } from './pack-store.js';
import type { WeightRules } from './weight-rules.js';

/** What one session may still download of weights. What is here already is free. */
export class WeightBudget {
  readonly #packs: PackStore;
  readonly #rules: WeightRules;
  readonly #fetchedBefore: number;

  constructor(packs: PackStore, rules: WeightRules) {
    this.#packs = packs;
    this.#rules = rules;
    this.#fetchedBefore = packs.fetchedBytes;
  }

  get isLimited(): boolean {
    return this.#rules.maxBytes() !== Number.POSITIVE_INFINITY;
  }

  /** Whether all of these may be there: what is missing of them fits in what is left. */
  async allows(packs: readonly Pack[]): Promise<boolean> {
    return (await this.judge(packs))(packs);
  }

  /** @returns the same for any of these packs, all looked for at once */
  async judge(packs: readonly Pack[]): Promise<(some: readonly Pack[]) => boolean> {
    const missing = new Set(await this.#packs.missing(packs));
    const maxBytes = this.#rules.maxBytes();
    const leftBytes = maxBytes - (this.#packs.fetchedBytes - this.#fetchedBefore);
    return (some) => {
      // A head without weights brings onnxruntime-web along, which is more than nothing.
      if (some.length === 0) return maxBytes > 0;
      const missingBytes = packBytes(some.filter((pack) => missing.has(pack)));
      return missingBytes === 0 || missingBytes <= leftBytes;
    };
  }
}

export function packBytes(packs: readonly Pack[]): number {
  return packs.reduce((sum, { numBytes }) => sum + numBytes, 0);
}
