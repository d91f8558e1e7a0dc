import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, ModelError, messageOf } from '../models/error.js';
import { sha256Of, sha256OfFile } from '../models/hash.js';

/** Larger files are hashed piece by piece. */
const WHOLE_BYTES = 1024 * 1024;

/** Files named by the sha256 of their content, in one flat folder, beside the records that say what belongs together. */
export class ObjectStore {
  readonly objectsDir: string;
  readonly #recordsDir: string;

  constructor(storeDir: string) {
    this.objectsDir = join(storeDir, 'objects');
    this.#recordsDir = join(storeDir, 'prepared');
  }

  async open(): Promise<void> {
    for (const dir of [this.objectsDir, this.#recordsDir]) {
      await mkdir(dir, { recursive: true }).catch((error) => {
        throw ModelError.fromStore(error, dir);
      });
      await removeLeftovers(dir);
    }
  }

  path(sha256: string): string {
    return join(this.objectsDir, sha256);
  }

  /** Writes an object, unless a healthy one is there; a damaged one is replaced. Either way it is as new. */
  async put(bytes: Uint8Array, sha256 = sha256Of(bytes)): Promise<string> {
    const isThere = (await this.isHealthy(sha256, bytes.byteLength)) && (await this.touch(sha256));
    if (!isThere) await writeAtomically(this.path(sha256), bytes);
    return sha256;
  }

  /** Says that an object is in use: what nobody says that of for long may be cleared away. @returns whether it is there */
  async touch(sha256: string): Promise<boolean> {
    const now = new Date();
    return await utimes(this.path(sha256), now, now).then(
      () => true,
      // Whoever may not write here clears nothing away either.
      (error) => errnoOf(error) !== 'ENOENT',
    );
  }

  /** Keys of all records, and of those that are damaged. */
  async recordKeys(): Promise<readonly string[]> {
    const names = await readdir(this.#recordsDir);
    return names.flatMap((name) => (name.endsWith('.json') ? name.slice(0, -'.json'.length) : []));
  }

  /** When a record was written, in ms since 1970; `undefined` when there is none. */
  async recordedAtMs(key: string): Promise<number | undefined> {
    return (await statOf(this.#recordPath(key)))?.mtimeMs;
  }

  /** @returns whether it is gone: see {@link removeUnless} */
  async removeRecord(key: string, isWanted: () => Promise<boolean>): Promise<boolean> {
    return await removeUnless(this.#recordPath(key), isWanted);
  }

  /** @throws ModelError `store_failed` when it is missing or damaged. */
  async read(sha256: string): Promise<Buffer> {
    const file = this.path(sha256);
    const bytes = await readFile(file).catch((error) => {
      throw new ModelError('store_failed', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
    });
    if (sha256Of(bytes) === sha256) return bytes;
    throw new ModelError('store_failed', `${file} is damaged: its content has another hash`);
  }

  async isHealthy(sha256: string, numBytes: number): Promise<boolean> {
    try {
      const file = this.path(sha256);
      if ((await stat(file)).size !== numBytes) return false;
      // A pack may have hundreds of MB, and an edge that serves looks, too; the graphs are many and small.
      return (numBytes > WHOLE_BYTES ? await sha256OfFile(file) : sha256Of(await readFile(file))) === sha256;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw ModelError.fromStore(error, this.path(sha256));
    }
  }

  /** A record is found by a key of its own and guarded by a hash of its text in the first line. */
  async putRecord(key: string, json: unknown): Promise<void> {
    const text = JSON.stringify(json);
    await writeAtomically(this.#recordPath(key), `${sha256Of(text)}\n${text}`);
  }

  /** `undefined` when there is none or it is damaged: either way it has to be made again. */
  async readRecord(key: string): Promise<unknown> {
    const guarded = await readFile(this.#recordPath(key), 'utf8').catch((error) => {
      if (errnoOf(error) === 'ENOENT') return '';
      throw ModelError.fromStore(error, this.#recordPath(key));
    });
    const lineEnd = guarded.indexOf('\n');
    const text = guarded.slice(lineEnd + 1);
    if (lineEnd !== 64 || sha256Of(text) !== guarded.slice(0, 64)) return undefined;
    return JSON.parse(text);
  }

  #recordPath(key: string): string {
    return join(this.#recordsDir, `${key}.json`);
  }
}

/** `undefined` when there is no such file. */
export async function statOf(file: string) {
  return await stat(file).catch(() => undefined);
}

/**
 * Removes what was found to be unwanted, unless somebody has come to want it meanwhile: whoever does says so first and then
 * looks whether it is there, so that one of the two sees the other.
 * @returns whether it is gone
 */
export async function removeUnless(file: string, isWanted: (aside: string) => Promise<boolean>): Promise<boolean> {
  const aside = `${file}.old.tmp`;
  try {
    await rename(file, aside);
  } catch (error) {
    // Another edge clears the same store.
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
  if (await isWanted(aside)) {
    await rename(aside, file);
    return false;
  }
  await rm(aside, { force: true });
  return true;
}

/** Much longer than any write takes. */
const LEFTOVER_AGE_MS = 3_600_000;

/** A process that was killed leaves files under temporary names; nobody else's are that old. */
async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(dir).catch(() => [])) {
    if (/^[0-9a-f]{64}(\.json)?$/.test(name)) continue;
    const file = join(dir, name);
    const info = await statOf(file);
    if (info?.isFile() === true && Date.now() - info.mtimeMs > LEFTOVER_AGE_MS) await rm(file, { force: true });
  }
}

/** A reader sees all of it or nothing, also when two processes write the same file or one dies while it does. */
export async function writeAtomically(file: string, content: Uint8Array | string): Promise<void> {
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw ModelError.fromStore(error, file);
  }
}
