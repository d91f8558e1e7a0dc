import { basename, dirname } from 'node:path';
import * as v from 'valibot';
import type { Provider, ShareWeights } from '../dispatcher/dispatcher.js';
import { sha256Of } from '../models/hash.js';
import { thisMachine } from '../prepare/cache-key.js';
import { ObjectStore } from '../prepare/store.js';
import type { ServedCut } from '../server/served-version.js';
import type { Slowdowns } from './slowdowns.js';

/** Everything but the tail that what is found depends on. */
export interface BatchSettings {
  readonly maxBatchSize: number;
  readonly providers: readonly Provider[];
  readonly threadsPerWorker: number;
  readonly shareWeights: ShareWeights;
}

/** Raise it when the same trial would find something else. */
const FORMAT = 'cutpoint.batch.v1';

const recordSchema = v.array(v.tuple([v.number(), v.number()]));

/** What was found of tails, in the store beside the models: it is found once for a machine and its settings. */
export class BatchMemory {
  readonly #setting: readonly unknown[];

  constructor({ maxBatchSize, providers, threadsPerWorker, shareWeights }: BatchSettings) {
    this.#setting = [FORMAT, thisMachine(), maxBatchSize, providers, threadsPerWorker, shareWeights];
  }

  /** `undefined` when nothing was found yet; empty when it does not pay. */
  async read(served: ServedCut): Promise<Slowdowns | undefined> {
    const parsed = v.safeParse(recordSchema, await storeOf(served).readRecord(this.#keyOf(served)));
    return parsed.success ? parsed.output : undefined;
  }

  /** @throws ModelError when the store cannot be written */
  async write(served: ServedCut, slowdowns: Slowdowns): Promise<void> {
    await storeOf(served).putRecord(this.#keyOf(served), slowdowns);
  }

  #keyOf({ graphFile = '', batchGraphFile = '', weights }: ServedCut): string {
    return sha256Of(JSON.stringify([...this.#setting, weights, basename(graphFile), basename(batchGraphFile)]));
  }
}

function storeOf({ version }: ServedCut): ObjectStore {
  return new ObjectStore(dirname(version.prepared.objectsDir));
}
