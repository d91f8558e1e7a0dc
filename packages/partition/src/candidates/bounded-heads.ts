import type { Block } from './blocks.js';
import type { CutWeights } from './cost-graph.js';
import type { Bounds } from './min-cut.js';

/**
 * What solved weights say of others. With the upload's weight taken as the unit, only the arcs of source and sink depend on the
 * weights, and the largest head of a minimum cut grows with the weights of tail and download and shrinks with that of the head
 * (Gallo, Grigoriadis and Tarjan, SIAM J. Comput. 1989). So the heads solved where a head costs more contain nothing that the
 * one sought lacks, and the other way about; after a few solutions little is left to decide.
 */
export class BoundedHeads {
  readonly #least: ReadonlySet<number>;
  readonly #most: ReadonlySet<number>;
  readonly #solved: { readonly weights: CutWeights; readonly head: ReadonlySet<number> }[] = [];

  /** @param block all heads are of this block */
  constructor({ from, to }: Block) {
    this.#least = new Set(new Array<undefined>(from).keys());
    this.#most = new Set(new Array<undefined>(to).keys());
  }

  /** @param head the largest head of all minimum cuts of the block for these weights */
  add(weights: CutWeights, head: ReadonlySet<number>): void {
    if (weights.up > 0) this.#solved.push({ weights: perUpload(weights), head });
  }

  /** The union of all heads that the one sought contains, and the intersection of those that contain it. */
  boundsAt(weights: CutWeights): Bounds {
    if (!(weights.up > 0)) return { least: this.#least, most: this.#most };
    const wanted = perUpload(weights);
    const least = new Set(this.#least);
    let most = this.#most;
    for (const { weights: known, head } of this.#solved) {
      if (isBelow(known, wanted)) for (const node of head) least.add(node);
      if (isBelow(wanted, known)) most = head.size < most.size ? intersection(head, most) : intersection(most, head);
    }
    return { least, most };
  }
}

function perUpload({ head, tail, up, down }: CutWeights): CutWeights {
  return { head: head / up, tail: tail / up, up: 1, down: down / up };
}

/** Whether the first weights make heads no larger than the second. */
function isBelow(a: CutWeights, b: CutWeights): boolean {
  return a.head >= b.head && a.tail <= b.tail && a.down <= b.down;
}

function intersection(a: ReadonlySet<number>, b: ReadonlySet<number>): ReadonlySet<number> {
  const both = new Set<number>();
  for (const value of a) if (b.has(value)) both.add(value);
  return both;
}
