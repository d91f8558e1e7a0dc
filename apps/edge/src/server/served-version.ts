import { join } from 'node:path';
import type { Cut, CutTable, TensorInfo } from '@cutpoint/protocol';
import type { Weights } from '../ort/weights.js';
import type { PreparedModel } from '../prepare/prepared.js';

/** Everything about a cut that running its tail needs. */
export interface ServedCut {
  readonly cut: Cut;
  /** What must be sent, in order. */
  readonly crossing: readonly TensorInfo[];
  /** Absolute path; `undefined` for the local cut, which has nothing to run here. */
  readonly graphFile: string | undefined;
  /** For many inputs of this tail at once; left out where that is not possible. */
  readonly batchGraphFile?: string | undefined;
  readonly weights: Weights;
  /** Whoever has its tail run holds it. */
  readonly version: ServedVersion;
}

/** What clients may ask for by its hash. */
export type ObjectKind = 'table' | 'graph' | 'pack';

/** A version that nobody asked for in so long is not waited for: whoever still has it hears that it is gone when he comes back. */
const IDLE_MS = 5_000;

/** One version of a model for as long as it is served, from its first tail to the last answer. */
export class ServedVersion {
  readonly prepared: PreparedModel;
  /** Of all its tails. */
  readonly graphFiles: ReadonlySet<string>;
  /** By table hash, then by cut id. */
  readonly #cuts: ReadonlyMap<string, ReadonlyMap<number, ServedCut>>;
  /** Hashes of heads and tails, and of packs; put together when somebody first asks for one. */
  #objects: Readonly<Record<'graph' | 'pack', ReadonlySet<string>>> | undefined;
  #state: 'current' | 'former' | 'closed' = 'current';
  #uses = 0;
  #idle: NodeJS.Timeout | undefined;
  #limit: NodeJS.Timeout | undefined;
  #onFree: () => void = () => undefined;

  constructor(prepared: PreparedModel) {
    this.prepared = prepared;
    this.#cuts = new Map([...prepared.tables].map(([sha256, table]) => [sha256, this.#cutsOf(table, prepared)]));
    const cuts = [...this.#cuts.values()].flatMap((byId) => [...byId.values()]);
    this.graphFiles = new Set(cuts.flatMap((cut) => [cut.graphFile ?? [], cut.batchGraphFile ?? []].flat()));
  }

  get name(): string {
    return this.prepared.manifest.model;
  }

  /** Requests for it are taken. */
  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  /** Another one has taken its place: clients do well to change. */
  get isFormer(): boolean {
    return this.#state !== 'current';
  }

  hasTable(sha256: string): boolean {
    return this.#cuts.has(sha256);
  }

  /** Whether it has an object of this kind and hash. */
  names(kind: ObjectKind, sha256: string): boolean {
    if (kind === 'table') return this.hasTable(sha256);
    this.#objects ??= objectsOf(this.prepared);
    return this.#objects[kind].has(sha256);
  }

  cut(table: string, id: number): ServedCut | undefined {
    return this.#cuts.get(table)?.get(id);
  }

  /** Somebody uses it. @returns to be called when that is over; more than once does nothing. */
  hold(): () => void {
    this.#uses += 1;
    clearTimeout(this.#idle);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#uses -= 1;
      if (this.#uses > 0) return;
      if (this.#state === 'former') this.#watchIdle();
      else if (this.#state === 'closed') this.#onFree();
    };
  }

  /**
   * Another one has its place. Who has its tables may use them until nobody did for a while, and no longer than the limit.
   * @param onFree called once, when nobody holds it any more and nobody can
   */
  drain(limitMs: number, onFree: () => void): void {
    this.#state = 'former';
    this.#onFree = onFree;
    this.#limit = setTimeout(() => this.#close(), limitMs).unref();
    if (this.#uses === 0) this.#watchIdle();
  }

  /** Nothing new is taken; what was taken is answered. @param onFree as in {@link drain} */
  close(onFree: () => void): void {
    this.#onFree = onFree;
    this.#close();
  }

  #watchIdle(): void {
    this.#idle = setTimeout(() => this.#close(), IDLE_MS).unref();
  }

  #close(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#limit);
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#uses === 0) this.#onFree();
  }

  #cutsOf(table: CutTable, { objectsDir, batchGraphs, weights }: PreparedModel): ReadonlyMap<number, ServedCut> {
    const fileOf = (graph: string | null | undefined) => (graph == null ? undefined : join(objectsDir, graph));
    return new Map(
      table.cuts.map((cut) => {
        const crossing = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
        const graphFile = fileOf(cut.tailGraph);
        const batchGraphFile = fileOf(batchGraphs.get(cut.tailGraph ?? ''));
        return [cut.id, { cut, crossing, graphFile, batchGraphFile, weights, version: this }];
      }),
    );
  }
}

function objectsOf({ tables, manifest }: PreparedModel): Readonly<Record<'graph' | 'pack', ReadonlySet<string>>> {
  const graph = new Set<string>();
  for (const { cuts } of tables.values()) {
    for (const { headGraph, tailGraph } of cuts) {
      if (headGraph !== null) graph.add(headGraph);
      if (tailGraph !== null) graph.add(tailGraph);
    }
  }
  return { graph, pack: new Set(manifest.packs.map(({ sha256 }) => sha256)) };
}
