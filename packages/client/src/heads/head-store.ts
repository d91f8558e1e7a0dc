import type { Cut, CutTable, Manifest, Pack, Variant } from '@cutpoint/protocol';
import { Emitter } from '../emitter.js';
import { CutpointError, orAborted } from '../errors.js';
import type { EdgeHttp } from '../http.js';
import type { Progress } from '../session.js';
import type { CreateResult, RunCall, RunResult } from '../worker/messages.js';
import { buffersOf, type Runtime } from '../worker/runtime.js';
import type { PackStore } from './pack-store.js';

/** Heads kept built at a time. Each holds its weights a second time, on the graphics device or in the wasm heap. */
const MAX_HEADS = 6;
/** And never more than this of weights, whatever their number. */
const MAX_HEAD_BYTES = 512 * 1024 * 1024;

/** One head: a cut of one variant. */
export interface HeadSpec {
  readonly variant: Variant;
  readonly cut: Cut;
  readonly packs: readonly Pack[];
  readonly provider: 'webgpu' | 'wasm';
  /** Outputs that only travel, and can wait on a GPU until they do. */
  readonly onGpu: readonly string[];
}

export interface Head {
  readonly key: string;
  readonly spec: HeadSpec;
  readonly created: CreateResult;
}

/** One run of a head. */
export type HeadWork = Pick<RunCall, 'feeds' | 'fetches' | 'encode' | 'isTrial'>;

export interface HeadStoreEvents {
  /** It is no longer built: another one needed its place, or the runtime was replaced. */
  released: Head;
}

/** Names a head: the cut table of its variant, and the cut. */
export interface HeadKey {
  readonly table: string;
  readonly text: string;
}

export function headKey(variant: Variant, cut: number): HeadKey {
  return { table: variant.table, text: `${variant.table}/${cut}` };
}

export function headSpec(
  manifest: Manifest,
  variant: Variant,
  cut: Cut,
  provider: 'webgpu' | 'wasm',
  table: CutTable,
): HeadSpec {
  const packs = cut.headPacks.map((index) => {
    const pack = manifest.packs[index];
    if (!pack)
      throw new CutpointError('bad_manifest', `Cut ${cut.id} names pack ${index}, which the manifest has not.`);
    return pack;
  });
  const crossing = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
  const onGpu = crossing.filter(
    ({ name, type }) =>
      (type === 'float32' || type === 'float16') &&
      !cut.headOutputs.includes(name) &&
      !variant.inputs.some((input) => input.name === name),
  );
  return { variant, cut, packs, provider, onGpu: onGpu.map(({ name }) => name) };
}

/** The heads that are built in the runtime, the least recently used one first. */
export class HeadStore {
  readonly events = new Emitter<HeadStoreEvents>();
  readonly #http: EdgeHttp;
  readonly #packs: PackStore;
  readonly #runtime: Runtime;
  readonly #heads = new Map<string, Head>();
  readonly #coming = new Map<string, Promise<Head>>();
  readonly #life = new AbortController();

  constructor(http: EdgeHttp, packs: PackStore, runtime: Runtime) {
    this.#http = http;
    this.#packs = packs;
    this.#runtime = runtime;
    runtime.events.on('lost', ({ keys }) => this.#forget(keys));
  }

  get(key: string): Head | undefined {
    return this.#heads.get(key);
  }

  /** Fetches what the head needs, builds it and warms it up. An abort leaves the work going: its end is kept. */
  prepare(spec: HeadSpec, onProgress: (progress: Progress) => void, signal?: AbortSignal): Promise<Head> {
    const key = headKey(spec.variant, spec.cut.id).text;
    const there = this.#heads.get(key);
    if (there) return Promise.resolve(there);
    let coming = this.#coming.get(key);
    if (!coming) {
      coming = this.#build(key, spec, onProgress).finally(() => this.#coming.delete(key));
      this.#coming.set(key, coming);
    }
    return orAborted(coming, signal);
  }

  async run(head: Head, { feeds, ...rest }: HeadWork, signal?: AbortSignal): Promise<RunResult> {
    if (this.#heads.get(head.key) === head) {
      this.#heads.delete(head.key);
      this.#heads.set(head.key, head);
    }
    // Copies, because the feeds must outlive a failure of the runtime.
    const copies = feeds
      .filter(({ name }) => head.created.inputNames.includes(name))
      .map((feed) => ({ ...feed, bytes: feed.bytes.slice() }));
    return this.#runtime.call({ type: 'run', key: head.key, feeds: copies, ...rest }, buffersOf(copies), signal);
  }

  /** Releases the heads of these variants. */
  releaseVariants(variants: readonly Variant[]): void {
    const tables = new Set(variants.map(({ table }) => table));
    for (const head of [...this.#heads.values()]) if (tables.has(head.spec.variant.table)) this.#release(head);
  }

  close(): void {
    this.#life.abort();
    this.#heads.clear();
    this.events.clear();
  }

  async #build(key: string, spec: HeadSpec, onProgress: (progress: Progress) => void): Promise<Head> {
    const { signal } = this.#life;
    const { cut, packs, variant, provider, onGpu } = spec;
    if (cut.headGraph === null) throw new CutpointError('bad_manifest', `Cut ${cut.id} has no head.`);
    // The runtime arrives beside the weights; its own failure shows when the head is built.
    onProgress({ stage: 'runtime', loadedBytes: 0, totalBytes: 0 });
    const runtime = this.#runtime.call({ type: 'load' });
    runtime.catch(() => {});
    const totalBytes = packs.reduce((sum, { numBytes }) => sum + numBytes, 0);
    let loadedBytes = 0;
    onProgress({ stage: 'weights', loadedBytes, totalBytes });
    const graph = await this.#http.bytes(`v1/graphs/${cut.headGraph}`, signal);
    const blocks: { path: string; bytes: Uint8Array<ArrayBuffer> }[] = [];
    for (const pack of packs) {
      const bytes = await this.#packs.get(
        pack,
        (numBytes) => {
          loadedBytes += numBytes;
          onProgress({ stage: 'weights', loadedBytes, totalBytes });
        },
        signal,
      );
      blocks.push({ path: pack.sha256, bytes });
    }
    await runtime;
    onProgress({ stage: 'session', loadedBytes, totalBytes });
    const transfer = [graph.buffer, ...blocks.map(({ bytes }) => bytes.buffer)];
    const created = await this.#runtime.call(
      { type: 'create', key, graph, packs: blocks, inputs: variant.inputs, provider, onGpu },
      transfer,
    );
    const head: Head = { key, spec, created };
    this.#heads.set(key, head);
    // Only now: while an old head lives, its compiled pipelines serve the new one too.
    this.#evict(head);
    return head;
  }

  #evict(newest: Head): void {
    const all = [...this.#heads.values()];
    let numBytes = all.reduce((sum, { spec }) => sum + bytesOf(spec), 0);
    let count = all.length;
    for (const head of all) {
      if (count <= MAX_HEADS && numBytes <= MAX_HEAD_BYTES) return;
      if (head === newest) continue;
      numBytes -= bytesOf(head.spec);
      count -= 1;
      this.#release(head);
    }
  }

  #release(head: Head): void {
    this.#heads.delete(head.key);
    this.#runtime.call({ type: 'release', key: head.key }).catch(() => {});
    this.events.emit('released', head);
  }

  #forget(keys: readonly string[]): void {
    const lost = keys.flatMap((key) => this.#heads.get(key) ?? []);
    for (const { key } of lost) this.#heads.delete(key);
    for (const head of lost) this.events.emit('released', head);
  }
}

function bytesOf({ packs }: HeadSpec): number {
  return packs.reduce((sum, { numBytes }) => sum + numBytes, 0);
}
