/** Parent of a vertex outside the tree, of one that has the sink for a parent, and of one that lost its own just now. */
const FREE = -1;
const ROOT = -2;
const ORPHAN = -3;

/**
 * A network of vertices between one source and one sink. Capacities are whole numbers whose sums stay below 2^53, so that
 * all sums are exact and nothing has to be compared with a tolerance.
 */
export class FlowNetwork {
  readonly numVertices: number;
  /** Capacity of the arc from the source to each vertex, and from each vertex to the sink. Set before {@link solve}. */
  readonly fromSource: Float64Array;
  readonly toSink: Float64Array;
  /** Capacity of each arc; arcs 2i and 2i + 1 are one edge in its two directions. Set before {@link solve}. */
  readonly capacity: Float64Array;
  /** Head of each arc. */
  readonly #to: Int32Array;
  /** Arcs that leave vertex v: `#arcs[#first[v]]` up to `#arcs[#first[v + 1] - 1]`. */
  readonly #first: Int32Array;
  readonly #arcs: Int32Array;
  /** What the source has sent to a vertex and is not passed on. */
  readonly #excess: Float64Array;
  /** The arc from a vertex to its parent in the tree of vertices that lead to the sink. */
  readonly #parent: Int32Array;
  /** Length of the way to the sink as known at a moment of `#clock`; right or too short while that is the latest. */
  readonly #distance: Int32Array;
  readonly #seenAt: Int32Array;
  #clock = 0;
  /** Vertices of the tree whose neighbours are to be looked at, and vertices that lost their parent. */
  #active: number[] = [];
  #orphans: number[] = [];

  constructor(numVertices: number, edges: readonly { readonly from: number; readonly to: number }[]) {
    this.numVertices = numVertices;
    this.fromSource = new Float64Array(numVertices);
    this.toSink = new Float64Array(numVertices);
    this.capacity = new Float64Array(2 * edges.length);
    this.#to = new Int32Array(2 * edges.length);
    for (const [edge, { from, to }] of edges.entries()) {
      this.#to[2 * edge] = to;
      this.#to[2 * edge + 1] = from;
    }
    const leaving = Array.from({ length: numVertices }, (): number[] => []);
    for (let arc = 0; arc < this.#to.length; arc++) leaving[at(this.#to, arc ^ 1)]?.push(arc);
    this.#arcs = Int32Array.from(leaving.flat());
    this.#first = new Int32Array(numVertices + 1);
    for (const [v, arcs] of leaving.entries()) this.#first[v + 1] = at(this.#first, v) + arcs.length;
    this.#excess = new Float64Array(numVertices);
    this.#parent = new Int32Array(numVertices);
    this.#distance = new Int32Array(numVertices);
    this.#seenAt = new Int32Array(numVertices);
  }

  /**
   * Finds a minimum cut; of several the one with the largest source side. `capacity`, `fromSource` and `toSink` are used up.
   *
   * Augmenting paths out of a search tree that is repaired, not grown anew, after each of them (Boykov and Kolmogorov,
   * PAMI 2004), with the sink's tree alone: when nothing is left to grow, the tree is the sink's side.
   *
   * @returns 1 for each vertex on the sink's side
   */
  solve(): Uint8Array {
    this.#begin();
    while (this.#active.length > 0) {
      const growing = this.#active;
      this.#active = [];
      for (const v of growing) this.#grow(v);
    }
    return Uint8Array.from(this.#parent, (parent) => (parent === FREE ? 0 : 1));
  }

  #begin(): void {
    this.#clock = 1;
    this.#seenAt.fill(0);
    for (let v = 0; v < this.numVertices; v++) {
      const net = at(this.fromSource, v) - at(this.toSink, v);
      this.#excess[v] = Math.max(0, net);
      this.toSink[v] = Math.max(0, -net);
      this.#parent[v] = net < 0 ? ROOT : FREE;
      this.#distance[v] = 1;
      if (net < 0) this.#active.push(v);
    }
  }

  /** Takes into the tree whatever leads to a vertex of it, and sends the excess that it finds to the sink. */
  #grow(v: number): void {
    const end = at(this.#first, v + 1);
    for (let place = at(this.#first, v); place < end; place++) {
      if (this.#parent[v] === FREE) return;
      const arc = at(this.#arcs, place);
      const w = at(this.#to, arc);
      if (this.#parent[w] !== FREE || at(this.capacity, arc ^ 1) === 0) continue;
      this.#parent[w] = arc ^ 1;
      this.#seenAt[w] = at(this.#seenAt, v);
      this.#distance[w] = at(this.#distance, v) + 1;
      this.#active.push(w);
      while (at(this.#excess, w) > 0 && this.#parent[w] !== FREE) {
        this.#augment(w);
        this.#clock++;
        for (let orphan = this.#orphans.pop(); orphan !== undefined; orphan = this.#orphans.pop()) this.#adopt(orphan);
      }
    }
  }

  /** Sends as much of a vertex's excess to the sink as its way in the tree can take. */
  #augment(from: number): void {
    const [parent, to, capacity] = [this.#parent, this.#to, this.capacity];
    let amount = at(this.#excess, from);
    let root = from;
    for (let arc = at(parent, from); arc !== ROOT; arc = at(parent, root)) {
      amount = Math.min(amount, at(capacity, arc));
      root = at(to, arc);
    }
    amount = Math.min(amount, at(this.toSink, root));
    this.#excess[from] = at(this.#excess, from) - amount;
    for (let [v, arc] = [from, at(parent, from)]; arc !== ROOT; ) {
      const next = at(to, arc);
      const after = at(parent, next);
      const left = at(capacity, arc) - amount;
      capacity[arc] = left;
      capacity[arc ^ 1] = at(capacity, arc ^ 1) + amount;
      if (left === 0) this.#orphan(v);
      [v, arc] = [next, after];
    }
    const left = at(this.toSink, root) - amount;
    this.toSink[root] = left;
    if (left === 0) this.#orphan(root);
  }

  #orphan(v: number): void {
    this.#parent[v] = ORPHAN;
    this.#orphans.push(v);
  }

  /** Finds the nearest parent for a vertex that lost its own, or sets it free and makes its children orphans. */
  #adopt(orphan: number): void {
    const [arcs, to, parent, capacity] = [this.#arcs, this.#to, this.#parent, this.capacity];
    const [start, end] = [at(this.#first, orphan), at(this.#first, orphan + 1)];
    let best = FREE;
    let least = Number.POSITIVE_INFINITY;
    for (let place = start; place < end; place++) {
      const arc = at(arcs, place);
      if (at(capacity, arc) === 0) continue;
      const distance = this.#distanceOf(at(to, arc));
      if (distance >= least) continue;
      least = distance;
      best = arc;
    }
    parent[orphan] = best;
    if (best !== FREE) {
      this.#distance[orphan] = least + 1;
      this.#seenAt[orphan] = this.#clock;
      return;
    }
    for (let place = start; place < end; place++) {
      const arc = at(arcs, place);
      const w = at(to, arc);
      if (parent[w] === FREE) continue;
      // Also an orphan: it may find a parent, and then has to look here again.
      if (at(capacity, arc) > 0) this.#active.push(w);
      if (parent[w] === (arc ^ 1)) this.#orphan(w);
    }
  }

  /** Arcs between a vertex and the sink along the tree; infinite where the way ends at an orphan. */
  #distanceOf(v: number): number {
    const [parent, to, seenAt] = [this.#parent, this.#to, this.#seenAt];
    let above = 0;
    let known = v;
    for (; at(seenAt, known) !== this.#clock; above++) {
      const arc = at(parent, known);
      if (arc === FREE || arc === ORPHAN) return Number.POSITIVE_INFINITY;
      if (arc === ROOT) {
        seenAt[known] = this.#clock;
        this.#distance[known] = 1;
        break;
      }
      known = at(to, arc);
    }
    const distance = at(this.#distance, known) + above;
    for (let [u, left] = [v, distance]; u !== known; u = at(to, at(parent, u)), left--) {
      seenAt[u] = this.#clock;
      this.#distance[u] = left;
    }
    return distance;
  }
}

function at(values: Float64Array | Int32Array, index: number): number {
  return values[index] ?? 0;
}
