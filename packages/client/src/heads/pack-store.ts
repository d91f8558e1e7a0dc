import type { Pack } from '@cutpoint/protocol';
import { CutpointError } from '../errors.js';
import type { EdgeHttp } from '../http.js';

const CACHE_NAME = 'cutpoint-packs-v1';
/** Without a Cache API (an insecure page, a private window) packs stay in memory up to this. */
const MEMORY_BYTES = 256 * 1024 * 1024;

/**
 * Blocks of weights by their hash: from the browser's cache when it has them, else from the edge. What comes from the
 * edge is checked against its hash once, before it is kept.
 */
export class PackStore {
  readonly #http: EdgeHttp;
  readonly #memory = new Map<string, Uint8Array<ArrayBuffer>>();
  #memoryBytes = 0;
  #cache: Promise<Cache | undefined> | undefined;
  /** Bytes that came over the network, for the record. */
  fetchedBytes = 0;

  constructor(http: EdgeHttp) {
    this.#http = http;
  }

  /**
   * @param onBytes called with the bytes of each step; over one call they sum to `pack.numBytes`.
   * @returns a fresh copy, which the caller may hand over to a worker.
   */
  async get(pack: Pack, onBytes: (numBytes: number) => void, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const kept = await this.#kept(pack);
    if (kept) {
      onBytes(pack.numBytes);
      return kept;
    }
    const bytes = await this.#http.bytes(`v1/packs/${pack.sha256}`, signal, onBytes);
    this.fetchedBytes += bytes.byteLength;
    await checkHash(bytes, pack);
    await this.#keep(pack, bytes);
    return bytes;
  }

  /** Whether all of these can be had without the edge. */
  async has(packs: readonly Pack[]): Promise<boolean> {
    const cache = await this.#open();
    for (const pack of packs) {
      if (this.#memory.has(pack.sha256)) continue;
      if (!(await cache?.match(cacheKey(pack)).catch(() => undefined))) return false;
    }
    return true;
  }

  async #kept(pack: Pack): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const inMemory = this.#memory.get(pack.sha256);
    if (inMemory) return inMemory.slice();
    try {
      const cache = await this.#open();
      const response = await cache?.match(cacheKey(pack));
      if (!response) return undefined;
      const bytes = new Uint8Array(await response.arrayBuffer());
      if (bytes.byteLength === pack.numBytes) return bytes;
      await cache?.delete(cacheKey(pack));
    } catch {
      // A cache that cannot be read is a cache that is not there.
    }
    return undefined;
  }

  async #keep(pack: Pack, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const cache = await this.#open();
      if (cache) {
        await cache.put(cacheKey(pack), new Response(bytes));
        return;
      }
    } catch {
      // Over quota, or the browser forbids it: memory will do.
    }
    if (this.#memoryBytes + bytes.byteLength > MEMORY_BYTES) return;
    this.#memoryBytes += bytes.byteLength;
    this.#memory.set(pack.sha256, bytes.slice());
  }

  #open(): Promise<Cache | undefined> {
    this.#cache ??=
      'caches' in globalThis ? caches.open(CACHE_NAME).catch(() => undefined) : Promise.resolve(undefined);
    return this.#cache;
  }
}

/** Cache keys are addresses; this one is never fetched. */
function cacheKey(pack: Pack): string {
  return `https://cutpoint.invalid/packs/${pack.sha256}`;
}

async function checkHash(bytes: Uint8Array<ArrayBuffer>, pack: Pack): Promise<void> {
  if (bytes.byteLength !== pack.numBytes) throw wrong(pack, `${bytes.byteLength} of ${pack.numBytes} bytes`);
  // Not there on an insecure page; such a page has no other defence either.
  if (!globalThis.crypto?.subtle) return;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (hex !== pack.sha256) throw wrong(pack, `hash ${hex}`);
}

function wrong(pack: Pack, got: string): CutpointError {
  return new CutpointError('bad_weights', `Weights ${pack.sha256} arrived damaged (${got}); load the page again.`);
}
