import { type CutTable, cutTableSchema, type Manifest, manifestSchema, sha256Schema } from '@cutpoint/protocol';
import * as v from 'valibot';
import { ModelError } from '../models/error.js';
import type { PreparedModel } from './prepared.js';
import type { ObjectStore } from './store.js';

/** What the store keeps of a prepared model beside its objects. */
export interface PreparedRecord {
  readonly manifest: Manifest;
  /** Every graph, pack and table with its size. */
  readonly objects: readonly (readonly [sha256: string, numBytes: number])[];
  readonly notes: readonly string[];
}

const recordSchema = v.object({
  manifest: manifestSchema,
  objects: v.array(v.tuple([sha256Schema, v.number()])),
  notes: v.array(v.string()),
});

/** At once, so that thousands of small files are read in a fraction of a second. */
const CHECKS_AT_ONCE = 32;

/** `undefined` when there is none, or anything of it is missing or damaged: then it is prepared again. */
export async function readPrepared(store: ObjectStore, key: string): Promise<PreparedModel | undefined> {
  const parsed = v.safeParse(recordSchema, await store.readRecord(key));
  if (!parsed.success || !(await allHealthy(store, parsed.output.objects))) return undefined;
  const { manifest, notes } = parsed.output;
  const tables = new Map<string, CutTable>();
  for (const { table } of manifest.variants) {
    const json: unknown = JSON.parse((await store.read(table)).toString('utf8'));
    tables.set(table, v.parse(cutTableSchema, json));
  }
  return { manifest, tables, objectsDir: store.objectsDir, notes };
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
  const parsed = v.safeParse(recordSchema, record);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new ModelError('prepare_failed', `the manifest is not valid at ${v.getDotPath(issue)}: ${issue.message}`);
  }
  await store.putRecord(key, parsed.output);
}
