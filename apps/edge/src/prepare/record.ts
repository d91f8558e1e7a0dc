import {
  type CutTable,
  isSha256,
  type Manifest,
  ProtocolError,
  parseCutTable,
  parseManifest,
} from '@cutpoint/protocol';
import * as v from 'valibot';
import { ModelError } from '../models/error.js';
import { WEIGHTS, type Weights } from '../ort/weights.js';
import type { PreparedModel } from './prepared.js';
import type { ObjectStore } from './store.js';

/** What the store keeps of a prepared model beside its objects. */
export interface PreparedRecord {
  readonly manifest: Manifest;
  /** Every graph, pack and table with its size. */
  readonly objects: readonly (readonly [sha256: string, numBytes: number])[];
  /** Of tails that can run many inputs at once. */
  readonly batchGraphs: readonly (readonly [tailGraph: string, batchGraph: string])[];
  readonly weights: Weights;
  readonly notes: readonly string[];
}

const recordSchema = v.object({
  manifest: v.unknown(),
  objects: v.array(v.tuple([v.custom<string>(isSha256), v.number()])),
  batchGraphs: v.array(v.tuple([v.custom<string>(isSha256), v.custom<string>(isSha256)])),
  weights: v.picklist(WEIGHTS),
  notes: v.array(v.string()),
});

/** At once, so that thousands of small files are read in a fraction of a second. */
const CHECKS_AT_ONCE = 32;

/** `undefined` when there is none, or anything of it is missing or damaged: then it is prepared again. */
export async function readPrepared(store: ObjectStore, key: string): Promise<PreparedModel | undefined> {
  const parsed = v.safeParse(recordSchema, await store.readRecord(key));
  if (!parsed.success) return undefined;
  const { objects, batchGraphs, weights, notes } = parsed.output;
  const manifest = parseManifest(parsed.output.manifest);
  if (manifest instanceof ProtocolError || !(await allHealthy(store, objects))) return undefined;
  const tables = new Map<string, CutTable>();
  for (const { table } of manifest.variants) {
    await store.touch(table);
    const json: unknown = JSON.parse((await store.read(table)).toString('utf8'));
    const parsedTable = parseCutTable(json);
    if (parsedTable instanceof ProtocolError) throw parsedTable;
    tables.set(table, parsedTable);
  }
  // Cleared away by another edge, before it could see that somebody uses it.
  if ((await store.recordedAtMs(key)) === undefined) return undefined;
  return { manifest, tables, objectsDir: store.objectsDir, batchGraphs: new Map(batchGraphs), weights, notes };
}

async function allHealthy(store: ObjectStore, objects: PreparedRecord['objects']): Promise<boolean> {
  let next = 0;
  let healthy = true;
  const check = async (): Promise<void> => {
    while (healthy) {
      const [sha256, numBytes] = objects[next++] ?? [];
      if (sha256 === undefined || numBytes === undefined) return;
      if (!(await store.isHealthy(sha256, numBytes))) healthy = false;
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, check));
  return healthy;
}

/** Validates before it writes: what the wire's schemas refuse must not wait until a client finds out. */
export async function writePrepared(store: ObjectStore, key: string, record: PreparedRecord): Promise<void> {
  const manifest = parseManifest(record.manifest);
  if (manifest instanceof ProtocolError) {
    throw new ModelError('prepare_failed', `the manifest is not valid at ${manifest.message}`);
  }
  await store.putRecord(key, { ...record, manifest });
}
