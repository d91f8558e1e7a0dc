import type { Pack } from '@cutpoint/protocol';
import { Emitter } from '../emitter.js';
import { CutpointError, messageOf, orAborted } from '../errors.js';
import type { EdgeHttp } from '../http.js';
import { concatenated, fetchBytes, fetchPiece, sizeOf } from './fetch-bytes.js';
import type { LinkPace } from './link-pace.js';

const CACHE_NAME = 'cutpoint-packs-v1';
/** Without a Cache API (an insecure page, a private window, a full disk) blocks stay in memory up to this. */
const MEMORY_BYTES = 256 * 1024 * 1024;

export interface PackStoreEvents {
  /** The browser keeps nothing for the next visit, and why. Said once. */
  notKept: string;
}

type Kind = 'packs' | 'graphs';

/**
 * What is named by its hash, weights and graphs: from the browser's cache when it has them, else from the edge. Both are
 * checked against the hash. A transfer that breaks off is resumed where it ended.
 */
export class PackStore {
  readonly events = new Emitter<PackStoreEvents>();
  readonly #http: EdgeHttp;
  readonly #pace: LinkPace | undefined;
  readonly #memory = new Map<string, Uint8Array<ArrayBuffer>>();
  #memoryBytes = 0;
  /** Hashes of what is known to be here. */
  readonly #here = new Set<string>();
  /** Transfers under way, by hash: whoever wants the same waits for the end of it, whatever that is. */
  readonly #coming = new Map<string, Promise<void>>();
  /** The pack whose transfer broke off last, as far as it came. */
  #broken: { readonly sha256: string; readonly parts: Uint8Array[] } | undefined;
  #cache: Promise<Cache | undefined> | undefined;
  #saidNotKept = false;
  /** Bytes of weights that came over the network, those of transfers that broke off too. */
  fetchedBytes = 0;
  #fetchMs = 0;

  /** @param pace beside inferences; as fast as the link is without one */
  constructor(http: EdgeHttp, pace?: LinkPace) {
    this.#http = http;
    this.#pace = pace;
  }

  /** At which weights came so far, `undefined` before any did. */
  get bytesPerMs(): number | undefined {
    return this.#fetchMs > 0 ? this.fetchedBytes / this.#fetchMs : undefined;
  }

  /** Weights come in pieces now, between the answers of inferences. */
  get isPaced(): boolean {
    return this.#pace?.isFree === false;
  }

  /**
   * @param onBytes called with the bytes of each step; over one call they sum to `pack.numBytes`.
   * @returns a fresh copy, which the caller may hand over to a worker.
   */
  async get(pack: Pack, onBytes: (numBytes: number) => void, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { sha256 } = pack;
    for (let other = this.#coming.get(sha256); other; other = this.#coming.get(sha256)) await orAborted(other, signal);
    const coming = this.#get(pack, onBytes, signal).finally(() => this.#coming.delete(sha256));
    const end = coming.then(
      () => {},
      () => {},
    );
    this.#coming.set(sha256, end);
    return coming;
  }

  /** A graph without its weights, a fresh copy as well. */
  async graph(sha256: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const kept = await this.keptGraph(sha256);
    if (kept) return kept;
    const bytes = await fetchBytes(this.#http, `v1/graphs/${sha256}`, signal);
    await checkHash(bytes, sha256);
    await this.#keep('graphs', sha256, bytes);
    return bytes;
  }

  /** The same if it can be had without the edge. */
  keptGraph(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#kept('graphs', sha256);
  }

  /** Those of these that only the edge has. */
  async missing(packs: readonly Pack[]): Promise<Pack[]> {
    const cache = await this.#open();
    const missing: Pack[] = [];
    for (const pack of packs) {
      if (this.#here.has(pack.sha256)) continue;
      if (await cache?.match(cacheKey('packs', pack.sha256)).catch(() => undefined)) this.#here.add(pack.sha256);
      else missing.push(pack);
    }
    return missing;
  }

  /** Whether all of these can be had without the edge. */
  async has(packs: readonly Pack[]): Promise<boolean> {
    return (await this.missing(packs)).length === 0;
  }

  async #get(
    pack: Pack,
    onBytes: (numBytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const kept = await this.#kept('packs', pack.sha256);
    if (kept) {
      onBytes(pack.numBytes);
      return kept;
    }
    const startMs = performance.now();
    const bytes = await this.#fetch(pack, onBytes, signal).finally(() => {
      this.#fetchMs += performance.now() - startMs;
    });
    if (bytes.byteLength !== pack.numBytes) throw wrong(pack.sha256, `${bytes.byteLength} of ${pack.numBytes} bytes`);
    await checkHash(bytes, pack.sha256);
    await this.#keep('packs', pack.sha256, bytes);
    return bytes;
  }

  /** Each try that brings something is followed by another. What came of the last one is there for the next caller. */
  async #fetch(
    pack: Pack,
    onBytes: (numBytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { sha256 } = pack;
    const parts = this.#broken?.sha256 === sha256 ? this.#broken.parts : [];
    this.#broken = undefined;
    if (parts.length > 0) onBytes(sizeOf(parts));
    const onStep = (numBytes: number) => {
      this.fetchedBytes += Math.max(0, numBytes);
      onBytes(numBytes);
    };
    // A transfer may break off after its last byte as well: nothing is left to be asked for then.
    while (sizeOf(parts) < pack.numBytes) {
      const beforeBytes = sizeOf(parts);
      try {
        if (await this.#piece(pack, parts, onStep, signal)) break;
      } catch (error) {
        const { code } = error instanceof CutpointError ? error : { code: undefined };
        const mayResume = code === 'edge_unreachable' || code === 'aborted';
        if (code === 'edge_unreachable' && !signal?.aborted && sizeOf(parts) > beforeBytes) continue;
        if (mayResume && parts.length > 0) this.#broken = { sha256, parts };
        throw error;
      }
    }
    return concatenated(parts);
  }

  /** As much as the link has room for now. @returns whether that was the last */
  async #piece(
    { sha256, numBytes }: Pack,
    parts: Uint8Array[],
    onStep: (numBytes: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const beforeBytes = sizeOf(parts);
    const turnBytes = (await this.#pace?.turn(signal)) ?? Number.POSITIVE_INFINITY;
    // All that is left is asked for without an end, whatever the edge says of its length.
    const mostBytes = beforeBytes + turnBytes < numBytes ? turnBytes : Number.POSITIVE_INFINITY;
    let first: { readonly atMs: number; readonly numBytes: number } | undefined;
    await fetchPiece(
      this.#http,
      `v1/packs/${sha256}`,
      signal,
      (stepBytes) => {
        first ??= { atMs: performance.now(), numBytes: stepBytes };
        onStep(stepBytes);
      },
      { priority: 'low', received: parts, mostBytes },
    );
    const cameBytes = sizeOf(parts) - beforeBytes;
    if (first) {
      const later = { laterBytes: cameBytes - first.numBytes, gapMs: performance.now() - first.atMs };
      this.#pace?.observe(cameBytes, later);
    }
    // Less than was asked for is the end of it; more, where the edge knows no ranges, is the whole.
    return cameBytes < mostBytes || sizeOf(parts) >= numBytes;
  }

  async #kept(kind: Kind, sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const inMemory = this.#memory.get(sha256);
    if (inMemory) return inMemory.slice();
    try {
      const cache = await this.#open();
      const response = await cache?.match(cacheKey(kind, sha256));
      if (response) {
        const bytes = new Uint8Array(await response.arrayBuffer());
        const hash = await hashOf(bytes);
        if (hash === undefined || hash === sha256) return bytes;
        await cache?.delete(cacheKey(kind, sha256));
      }
    } catch {
      // A cache that cannot be read is a cache that is not there.
    }
    this.#here.delete(sha256);
    return undefined;
  }

  async #keep(kind: Kind, sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const cache = await this.#open();
    try {
      if (cache) {
        await cache.put(cacheKey(kind, sha256), new Response(bytes));
        this.#here.add(sha256);
        return;
      }
    } catch (error) {
      // Over quota, or the browser forbids it: memory will do.
      this.#sayNotKept(messageOf(error));
    }
    if (this.#memoryBytes + bytes.byteLength > MEMORY_BYTES) return;
    this.#memoryBytes += bytes.byteLength;
    this.#memory.set(sha256, bytes.slice());
    this.#here.add(sha256);
  }

  #sayNotKept(why: string): void {
    if (this.#saidNotKept) return;
    this.#saidNotKept = true;
    this.events.emit('notKept', why);
  }

  #open(): Promise<Cache | undefined> {
    this.#cache ??=
      'caches' in globalThis ? caches.open(CACHE_NAME).catch(() => undefined) : Promise.resolve(undefined);
    return this.#cache;
  }
}

export function packBytes(packs: readonly Pack[]): number {
  return packs.reduce((sum, { numBytes }) => sum + numBytes, 0);
}

/** Cache keys are addresses; this one is never fetched. */
function cacheKey(kind: Kind, sha256: string): string {
  return `https://cutpoint.invalid/${kind}/${sha256}`;
}

async function checkHash(bytes: Uint8Array<ArrayBuffer>, sha256: string): Promise<void> {
  const hash = await hashOf(bytes);
  if (hash !== undefined && hash !== sha256) throw wrong(sha256, `hash ${hash}`);
}

/** `undefined` on an insecure page, where it cannot be known; such a page has no other defence either. */
async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  if (!globalThis.crypto?.subtle) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function wrong(sha256: string, got: string): CutpointError {
  return new CutpointError('bad_weights', `Weights ${sha256} arrived damaged (${got}); load the page again.`);
}
