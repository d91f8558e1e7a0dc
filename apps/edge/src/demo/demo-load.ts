import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { CutTable } from '@cutpoint/protocol';
import type { ConnectionContext } from '../connection/context.js';
import { Leases } from './leases.js';
import { TailStream } from './tail-stream.js';

/** Over all clients. */
export const MOST_TAILS = 16;
export const MOST_NEIGHBOURS = 4;
/** A longer tail makes a queue of few large steps. */
const LONGEST_TAIL_MS = 120;

export interface WantedLoad {
  readonly model: string;
  /** Clients that always have one tail waiting or running. */
  readonly tails: number;
  /** Threads that compute beside the tails, which makes these slower. */
  readonly neighbours: number;
}

/** Puts real load on this edge for as long as clients ask for it. */
export class DemoLoad {
  readonly #context: ConnectionContext;
  readonly #leases = new Leases<WantedLoad>(() => this.#follow());
  #streams: TailStream[] = [];
  #neighbours: Worker[] = [];

  constructor(context: ConnectionContext) {
    this.#context = context;
  }

  get tails(): number {
    return this.#streams.length;
  }

  get neighbours(): number {
    return this.#neighbours.length;
  }

  /** What this client asked for before is over. */
  want(client: string, wanted: WantedLoad, forMs: number): void {
    if (wanted.tails === 0 && wanted.neighbours === 0) this.#leases.end(client);
    else this.#leases.hold(client, wanted, forMs);
  }

  wantedBy(client: string): WantedLoad | undefined {
    return this.#leases.get(client);
  }

  close(): void {
    this.#leases.close();
  }

  #follow(): void {
    const wanted = this.#leases.values();
    const models = wanted
      .flatMap(({ model, tails }) => Array.from({ length: tails }, () => model))
      .slice(0, MOST_TAILS);
    this.#streams = this.#streams.filter((stream) => {
      const index = models.indexOf(stream.model);
      if (index >= 0) models.splice(index, 1);
      else stream.stop();
      return index >= 0;
    });
    for (const model of models) {
      const stream = this.#streamOf(model);
      if (stream !== undefined) this.#streams.push(stream);
    }
    const neighbours = Math.min(
      MOST_NEIGHBOURS,
      wanted.reduce((sum, load) => sum + load.neighbours, 0),
    );
    while (this.#neighbours.length < neighbours) this.#neighbours.push(startNeighbour());
    for (const spare of this.#neighbours.splice(neighbours)) void spare.terminate();
  }

  #streamOf(model: string): TailStream | undefined {
    const find = () => {
      const version = this.#context.models.current(model);
      const found = version && loadingCut(version.prepared.tables);
      return found && version.cut(found.table, found.cut);
    };
    return find()?.graphFile === undefined ? undefined : new TailStream(this.#context, model, find);
  }
}

function startNeighbour(): Worker {
  const worker = new Worker(createRequire(import.meta.url).resolve('@cutpoint/edge/neighbour'));
  worker.unref();
  return worker;
}

/** The longest timed tail that is not too long, else the shortest. */
export function loadingCut(
  tables: Iterable<readonly [string, CutTable]>,
): { readonly table: string; readonly cut: number } | undefined {
  const tails = [...tables]
    .flatMap(([table, { cuts }]) => cuts.map((cut) => ({ table, cut })))
    .filter(({ cut: { timed, tailGraph } }) => timed && tailGraph !== null)
    .toSorted((a, b) => a.cut.tailMs - b.cut.tailMs);
  const chosen = tails.findLast(({ cut }) => cut.tailMs <= LONGEST_TAIL_MS) ?? tails[0];
  return chosen && { table: chosen.table, cut: chosen.cut.id };
}
