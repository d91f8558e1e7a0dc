import { FlowNetwork } from './max-flow.js';

/**
 * Capacities are rounded to whole numbers that together are about this: an error of 2^-44 of the sum an arc at most, and
 * exact sums at vertices of up to 256 arcs.
 */
const CAPACITY_SUM = 2 ** 44;
const NEVER_CUT = 2 ** 45;

/** A flow network while it is written down, with costs in any unit for capacities. */
export class FlowDraft {
  readonly #source: number[];
  readonly #sink: number[];
  readonly #edges: { readonly from: number; readonly to: number; readonly cost: number }[] = [];
  #sum = 0;

  constructor(numVertices: number) {
    this.#source = new Array<number>(numVertices).fill(0);
    this.#sink = new Array<number>(numVertices).fill(0);
  }

  /** One more vertex. @returns its number */
  vertex(): number {
    this.#sink.push(0);
    return this.#source.push(0) - 1;
  }

  /** Paid when the vertex is on the sink's side. */
  fromSource(vertex: number, cost: number): void {
    this.#source[vertex] = (this.#source[vertex] ?? 0) + cost;
    this.#sum += cost;
  }

  /** Paid when the vertex is on the source's side. */
  toSink(vertex: number, cost: number): void {
    this.#sink[vertex] = (this.#sink[vertex] ?? 0) + cost;
    this.#sum += cost;
  }

  /** Paid when only `from` is on the source's side. */
  edge(from: number, to: number, cost: number): void {
    this.#edges.push({ from, to, cost });
    this.#sum += cost;
  }

  /** Where `from` is on the source's side, so is `to`. */
  neverCut(from: number, to: number): void {
    this.#edges.push({ from, to, cost: Number.POSITIVE_INFINITY });
  }

  /** @returns 1 for each vertex on the sink's side of the cheapest cut; of several the one with the smallest such side */
  solve(): Uint8Array {
    const scale = this.#sum > 0 ? CAPACITY_SUM / this.#sum : 0;
    const network = new FlowNetwork(this.#source.length, this.#edges);
    for (const [vertex, cost] of this.#source.entries()) network.fromSource[vertex] = Math.round(cost * scale);
    for (const [vertex, cost] of this.#sink.entries()) network.toSink[vertex] = Math.round(cost * scale);
    for (const [edge, { cost }] of this.#edges.entries()) {
      network.capacity[2 * edge] = cost === Number.POSITIVE_INFINITY ? NEVER_CUT : Math.round(cost * scale);
    }
    return network.solve();
  }
}
