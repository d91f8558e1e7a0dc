import { readdir } from 'node:fs/promises';
import { isSha256 } from '@cutpoint/protocol';
import * as v from 'valibot';
import { ObjectStore, removeUnless, statOf } from './store.js';

/** A preparation writes its objects first and its record last; by then it is over, or never will be. */
const UNFINISHED_MS = 24 * 3_600_000;

/** What every version of this program says in a record. */
const referencesSchema = v.object({
  manifest: v.object({ model: v.string(), variants: v.array(v.object({ table: v.custom<string>(isSha256) })) }),
  objects: v.array(v.looseTuple([v.custom<string>(isSha256)])),
});
type References = v.InferOutput<typeof referencesSchema>;

interface KnownRecord {
  readonly key: string;
  /** `undefined` when it cannot be read. */
  readonly references: References | undefined;
  readonly usedAtMs: number;
}

export interface ClearOptions {
  /** Records that nobody used for so long go. */
  readonly keepMs: number;
  /** Names of models whose record goes not before there is a later one, however long it is since that was used. */
  readonly models: ReadonlySet<string>;
  /** Objects that stay whatever the records say: of what is served now. */
  readonly inUse: readonly string[];
  /** ms since 1970. */
  readonly nowMs?: number;
}

export interface Cleared {
  readonly records: number;
  readonly objects: number;
  readonly numBytes: number;
}

/** Opens a store and clears it: see {@link clearStore}. */
export async function clearStoreIn(storeDir: string, options: ClearOptions): Promise<Cleared> {
  const store = new ObjectStore(storeDir);
  await store.open();
  return await clearStore(store, options);
}

/**
 * Removes prepared models that nobody uses from the store, and objects that belong to none. Other edges may use the same store:
 * what they use they have touched lately, and what they are writing is young.
 * @throws the system's error when the store cannot be read or written
 */
export async function clearStore(
  store: ObjectStore,
  { keepMs, models, inUse, nowMs = Date.now() }: ClearOptions,
): Promise<Cleared> {
  const records = await knownRecords(store);
  const latest = latestOf(records, models);
  const isUsed = (usedAtMs: number) => nowMs - usedAtMs < keepMs;
  const kept: KnownRecord[] = [];
  for (const record of records) {
    const isKept =
      isUsed(record.usedAtMs) ||
      latest.has(record) ||
      !(await store.removeRecord(record.key, async () => isUsed(await touchedAtMs(store, record))));
    if (isKept) kept.push(record);
  }
  const gone = { records: records.length - kept.length, objects: 0, numBytes: 0 };
  // What such a record needs nobody can tell.
  if (kept.some(({ references }) => references === undefined)) return gone;
  const recorded = kept.flatMap(({ references }) => references?.objects.map(([sha256]) => sha256) ?? []);
  const needed = new Set([...recorded, ...inUse]);
  return { ...gone, ...(await removeObjects(store, needed, nowMs - UNFINISHED_MS)) };
}

async function knownRecords(store: ObjectStore): Promise<readonly KnownRecord[]> {
  const records: KnownRecord[] = [];
  for (const key of await store.recordKeys()) {
    const writtenAtMs = await store.recordedAtMs(key);
    if (writtenAtMs === undefined) continue;
    const parsed = v.safeParse(referencesSchema, await store.readRecord(key));
    const references = parsed.success ? parsed.output : undefined;
    const usedAtMs = Math.max(writtenAtMs, await touchedAtMs(store, { references }));
    records.push({ key, references, usedAtMs });
  }
  return records;
}

/** Whoever serves a model touches its tables. */
async function touchedAtMs(store: ObjectStore, { references }: Pick<KnownRecord, 'references'>): Promise<number> {
  const tables = references?.manifest.variants.map(({ table }) => statOf(store.path(table))) ?? [];
  return Math.max(0, ...(await Promise.all(tables)).map((info) => info?.mtimeMs ?? 0));
}

/** Of each of these models the record that was used last. */
function latestOf(records: readonly KnownRecord[], models: ReadonlySet<string>): ReadonlySet<KnownRecord> {
  const latest = new Map<string, KnownRecord>();
  for (const record of records) {
    const model = record.references?.manifest.model;
    if (model === undefined || !models.has(model)) continue;
    const other = latest.get(model);
    if (other === undefined || other.usedAtMs < record.usedAtMs) latest.set(model, record);
  }
  return new Set(latest.values());
}

async function removeObjects(store: ObjectStore, needed: ReadonlySet<string>, beforeMs: number) {
  let [objects, numBytes] = [0, 0];
  for (const sha256 of await readdir(store.objectsDir)) {
    if (!isSha256(sha256) || needed.has(sha256)) continue;
    const size = await removeOld(store.path(sha256), beforeMs);
    if (size === undefined) continue;
    objects += 1;
    numBytes += size;
  }
  return { objects, numBytes };
}

/** @returns its size, when it was older and is gone */
async function removeOld(file: string, beforeMs: number): Promise<number | undefined> {
  const isYoung = async (path: string) => ((await statOf(path))?.mtimeMs ?? Number.POSITIVE_INFINITY) >= beforeMs;
  if (await isYoung(file)) return undefined;
  const size = (await statOf(file))?.size ?? 0;
  return (await removeUnless(file, isYoung)) ? size : undefined;
}
