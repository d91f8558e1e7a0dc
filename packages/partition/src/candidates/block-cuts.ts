import type { Block } from './blocks.js';
import type { CostGraph, CutCost } from './cost-graph.js';

/** One of a block's cuts. */
export interface BlockCut extends CutCost {
  /** 1 for each node of the block that is in the head, from the block's first on. */
  readonly inHead: Uint8Array;
}

/** Lists all cuts of blocks that have few. */
export class BlockCuts {
  readonly #graph: CostGraph;
  /** Tensors that each node reads, each once, and those that it writes. */
  readonly #reads: readonly (readonly number[])[];
  readonly #writes: readonly (readonly number[])[];
  readonly #bytesDown: Float64Array;
  readonly #lastReader: Int32Array;
  /** -1 for inputs of the graph. */
  readonly #producer: Int32Array;
  /** State of the search: what is in the head, which tensors are counted as crossing, what was found. */
  readonly #inHead: Uint8Array;
  readonly #isCrossing: Uint8Array;
  #cuts: BlockCut[] = [];

  constructor(graph: CostGraph) {
    this.#graph = graph;
    const { nodes, tensors } = graph;
    const reads = nodes.map(() => new Set<number>());
    const writes = nodes.map((): number[] => []);
    this.#bytesDown = new Float64Array(nodes.length);
    this.#lastReader = Int32Array.from(tensors, ({ readers }) => readers.reduce((a, b) => Math.max(a, b), -1));
    this.#producer = Int32Array.from(tensors, ({ producer }) => producer ?? -1);
    for (const [tensor, { bytes, producer, readers, isOutput }] of tensors.entries()) {
      for (const reader of readers) reads[reader]?.add(tensor);
      if (producer === null) continue;
      writes[producer]?.push(tensor);
      if (isOutput) this.#bytesDown[producer] = (this.#bytesDown[producer] ?? 0) + bytes;
    }
    this.#reads = reads.map((some) => [...some]);
    this.#writes = writes;
    this.#inHead = new Uint8Array(nodes.length);
    this.#isCrossing = new Uint8Array(tensors.length);
  }

  /** @returns `undefined` where they are more than `most` */
  list(block: Block, most: number): readonly BlockCut[] | undefined {
    // Each prefix is one; also keeps the recursion from going deeper than `most`.
    if (block.to - block.from >= most) return undefined;
    this.#cuts = [];
    this.#isCrossing.fill(0);
    this.#inHead.fill(1, 0, block.from).fill(0, block.from);
    const { headMs, tailMs, bytesUp, bytesDown } = this.#costAround(block);
    return this.#decide(block.from, { ...block, most }, headMs, tailMs, bytesUp, bytesDown) ? this.#cuts : undefined;
  }

  /** What the nodes before and after the block cost, and what passes it by. */
  #costAround({ from, to }: Block): CutCost {
    let [headMs, tailMs, bytesDown] = [0, 0, 0];
    for (const [node, cost] of this.#graph.nodes.entries()) {
      if (node < from) headMs += cost.headMs;
      if (node < to) continue;
      tailMs += cost.tailMs;
      bytesDown += this.#bytesDown[node] ?? 0;
    }
    const passing: number[] = [];
    for (const [tensor, lastReader] of this.#lastReader.entries()) {
      if (lastReader >= to && (this.#producer[tensor] ?? 0) < from) passing.push(tensor);
    }
    return { headMs, tailMs, bytesUp: this.#crossAll(passing), bytesDown };
  }

  /**
   * Puts a node in the head where all that it reads is there, then in the tail, and each time decides the nodes after it. The
   * costs are those of all that is decided; they are no object because this runs for every node of every cut.
   *
   * @returns false when the cuts are too many
   */
  #decide(
    node: number,
    within: Block & { readonly most: number },
    headMs: number,
    tailMs: number,
    bytesUp: number,
    bytesDown: number,
  ): boolean {
    const { from, to, most } = within;
    if (node === to) {
      this.#cuts.push({ headMs, tailMs, bytesUp, bytesDown, inHead: this.#inHead.slice(from, to) });
      return this.#cuts.length <= most;
    }
    const { headMs: nodeHeadMs = 0, tailMs: nodeTailMs = 0 } = this.#graph.nodes[node] ?? {};
    const reads = this.#reads[node] ?? [];
    if (reads.every((tensor) => this.#isHere(tensor))) {
      this.#inHead[node] = 1;
      const crossing = (this.#writes[node] ?? []).filter((tensor) => (this.#lastReader[tensor] ?? -1) >= to);
      const up = bytesUp + this.#crossAll(crossing);
      const isDone = this.#decide(node + 1, within, headMs + nodeHeadMs, tailMs, up, bytesDown);
      for (const tensor of crossing) this.#isCrossing[tensor] = 0;
      this.#inHead[node] = 0;
      if (!isDone) return false;
    }
    const crossing = reads.filter((tensor) => this.#isCrossing[tensor] === 0 && this.#isHere(tensor));
    const up = bytesUp + this.#crossAll(crossing);
    const down = bytesDown + (this.#bytesDown[node] ?? 0);
    const isDone = this.#decide(node + 1, within, headMs, tailMs + nodeTailMs, up, down);
    for (const tensor of crossing) this.#isCrossing[tensor] = 0;
    return isDone;
  }

  #isHere(tensor: number): boolean {
    const producer = this.#producer[tensor] ?? -1;
    return producer < 0 || this.#inHead[producer] === 1;
  }

  #crossAll(tensors: readonly number[]): number {
    let bytes = 0;
    for (const tensor of tensors) {
      this.#isCrossing[tensor] = 1;
      bytes += this.#graph.tensors[tensor]?.bytes ?? 0;
    }
    return bytes;
  }
}
