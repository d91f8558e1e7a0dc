import type { Cut, CutTable, Manifest, Pack, TensorInfo, Variant } from '@cutpoint/protocol';
import { Emitter } from '../emitter.js';
import { CutpointError, orAborted } from '../errors.js';
import type { Progress } from '../session.js';
import type { CreateCall, CreateResult, RunCall, RunResult } from '../worker/messages.js';
import { buffersOf, type Runtime } from '../worker/runtime.js';
import { displacedBy, hasRoomBeside } from './displaced.js';
import { type PackStore, packBytes } from './pack-store.js';

/**
 * One part of a network: the head of a cut of one variant, or the tail of one that the edge did not finish. A hollow head
 * has zeros in the place of its weights: it takes as long as the real one, and nothing is fetched for it but its graph.
 */
export interface PartSpec {
  /** Names it. */
  readonly key: string;
  readonly kind: 'head' | 'hollow' | 'tail';
  readonly variant: Variant;
  readonly cut: Cut;
  /** sha256 of its graph. */
  readonly graph: string;
  readonly inputs: readonly TensorInfo[];
  readonly packs: readonly Pack[];
  readonly provider: 'webgpu' | 'wasm';
  /** Outputs that only travel, and can wait on a GPU until they do. */
  readonly onGpu: readonly string[];
  /** An inference waits for it that the edge did not finish. */
  readonly isUrgent?: boolean;
}

/** A part that is built. */
export interface Part {
  readonly key: string;
  readonly spec: PartSpec;
  readonly created: CreateResult;
}

/** One run of a part. */
export type PartWork = Pick<RunCall, 'feeds' | 'fetches' | 'encode' | 'expectedMs' | 'isTrial'>;

export interface HeadStoreEvents {
  /** It is no longer built: another one needed its place, or the runtime was replaced. */
  released: Part;
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
): PartSpec {
  const { headGraph: graph } = cut;
  if (graph === null) throw new CutpointError('bad_manifest', `Cut ${cut.id} has no head.`);
  const { inputs } = variant;
  const key = headKey(variant, cut.id).text;
  const crossing = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
  const onGpu = crossing.filter(
    ({ name, type }) =>
      (type === 'float32' || type === 'float16') &&
      !cut.headOutputs.includes(name) &&
      !variant.inputs.some((input) => input.name === name),
  );
  const packs = headPacks(manifest, cut);
  return { key, kind: 'head', variant, cut, graph, inputs, packs, provider, onGpu: onGpu.map(({ name }) => name) };
}

/** The same head without its weights, to be timed. */
export function hollowSpec(head: PartSpec): PartSpec {
  return { ...head, key: hollowKey(head.key), kind: 'hollow' };
}

export function hollowKey(key: string): string {
  return `${key}/hollow`;
}

export function headPacks(manifest: Manifest, cut: Cut): Pack[] {
  return cut.headPacks.map((index) => {
    const pack = manifest.packs[index];
    if (!pack) {
      throw new CutpointError('bad_manifest', `Cut ${cut.id} names pack ${index}, which the manifest has not.`);
    }
    return pack;
  });
}

/** The heads and other parts that are built in the runtime, the least recently used one first. */
export class HeadStore {
  readonly events = new Emitter<HeadStoreEvents>();
  readonly #packs: PackStore;
  readonly #runtime: Runtime;
  readonly #parts = new Map<string, Part>();
  readonly #coming = new Map<string, Promise<Part>>();
  readonly #life = new AbortController();

  /** What the last build of weights that were here took, with the wait for its turn; `undefined` before the first. */
  buildMs: number | undefined;

  constructor(packs: PackStore, runtime: Runtime) {
    this.#packs = packs;
    this.#runtime = runtime;
    runtime.events.on('lost', ({ keys }) => this.#forget(keys));
  }

  get(key: string): Part | undefined {
    return this.#parts.get(key);
  }

  /** Fetches what the part needs, builds it and warms it up. An abort leaves the work going: its end is kept. */
  prepare(spec: PartSpec, onProgress: (progress: Progress) => void, signal?: AbortSignal): Promise<Part> {
    const { key } = spec;
    const there = this.#parts.get(key);
    if (there) return Promise.resolve(there);
    let coming = this.#coming.get(key);
    if (!coming) {
      coming = this.#build(spec, onProgress).finally(() => this.#coming.delete(key));
      this.#coming.set(key, coming);
    }
    return orAborted(coming, signal);
  }

  /** ms of runs that one of the head of this variant that ran last would wait for. */
  aheadMs(variant: Variant): number {
    const inUse = [...this.#parts.values()].findLast(({ spec }) => spec.variant === variant && spec.kind === 'head');
    return inUse ? this.#runtime.aheadMs(inUse.key) : 0;
  }

  /** @returns with the ms that it waited for other runs */
  async run(part: Part, { feeds, ...rest }: PartWork, signal?: AbortSignal): Promise<RunResult & { waitMs: number }> {
    if (this.#parts.get(part.key) === part && !rest.isTrial) {
      this.#parts.delete(part.key);
      this.#parts.set(part.key, part);
    }
    // Copies, because the feeds must outlive a failure of the runtime.
    const copies = feeds
      .filter(({ name }) => part.created.inputNames.includes(name))
      .map((feed) => ({ ...feed, bytes: feed.bytes.slice() }));
    return this.#runtime.run({ type: 'run', key: part.key, feeds: copies, ...rest }, buffersOf(copies), signal);
  }

  /** A fresh copy of all that a part is built from. */
  async filesOf(
    { graph: sha256, packs, kind }: PartSpec,
    onBytes: (numBytes: number) => void = () => {},
  ): Promise<Pick<CreateCall, 'graph' | 'packs'>> {
    const { signal } = this.#life;
    const graph = await this.#packs.graph(sha256, signal);
    const blocks: { path: string; bytes: Uint8Array<ArrayBuffer> }[] = [];
    for (const pack of packs) {
      const isHollow = kind === 'hollow';
      const bytes = isHollow ? new Uint8Array(pack.numBytes) : await this.#packs.get(pack, onBytes, signal);
      blocks.push({ path: pack.sha256, bytes });
    }
    return { graph, packs: blocks };
  }

  /** Whether this can be built hollow beside all that inferences may run. */
  hasRoomFor(hollow: Pick<PartSpec, 'packs'>): boolean {
    return hasRoomBeside(hollow, [...this.#parts.values()]);
  }

  release(part: Part): void {
    if (this.#parts.get(part.key) === part) this.#release(part);
  }

  /** Releases the parts of these variants. */
  releaseVariants(variants: readonly Variant[]): void {
    const tables = new Set(variants.map(({ table }) => table));
    for (const part of [...this.#parts.values()]) if (tables.has(part.spec.variant.table)) this.#release(part);
  }

  close(): void {
    this.#life.abort();
    this.#parts.clear();
    this.events.clear();
  }

  async #build(spec: PartSpec, onProgress: (progress: Progress) => void): Promise<Part> {
    const { packs } = spec;
    const fetchedBytes = this.#packs.fetchedBytes;
    // The runtime arrives beside the weights; its own failure shows when the part is built.
    onProgress({ stage: 'runtime', loadedBytes: 0, totalBytes: 0 });
    const runtime = this.#runtime.call({ type: 'load' });
    runtime.catch(() => {});
    const totalBytes = spec.kind === 'hollow' ? 0 : packBytes(packs);
    let loadedBytes = 0;
    if (totalBytes > 0) onProgress({ stage: 'weights', loadedBytes, totalBytes });
    const files = await this.filesOf(spec, (numBytes) => {
      loadedBytes += numBytes;
      onProgress({ stage: 'weights', loadedBytes, totalBytes });
    });
    await runtime;
    onProgress({ stage: 'session', loadedBytes, totalBytes });
    const startMs = performance.now();
    const part = await this.#onPlainBuild(await this.#create(spec, files));
    if (this.#packs.fetchedBytes === fetchedBytes) this.buildMs = performance.now() - startMs;
    const others = [...this.#parts.values()];
    this.#parts.set(part.key, part);
    for (const surplus of displacedBy(spec, others)) this.#release(surplus);
    return part;
  }

  async #create(spec: PartSpec, { graph, packs }: Pick<CreateCall, 'graph' | 'packs'>): Promise<Part> {
    const { key, inputs, provider, onGpu, isUrgent = false } = spec;
    const transfer = [graph.buffer, ...packs.map(({ bytes }) => bytes.buffer)];
    const instead = this.#makeRoom(spec);
    const call = { type: 'create', key, graph, packs, inputs, provider, onGpu, isUrgent, instead } as const;
    return { key, spec, created: await this.#runtime.call(call, transfer) };
  }

  /**
   * What WebGPU cannot run goes to a worker of the build that has none: the others run WASM two to four times slower. It is
   * not moved while an inference waits for it, and stays where it is when that build cannot be had.
   */
  async #onPlainBuild(part: Part): Promise<Part> {
    const { spec, created } = part;
    if (created.provider === spec.provider || spec.isUrgent || !this.#runtime.hasPlainBuild) return part;
    const plain = { ...spec, provider: created.provider };
    try {
      const moved = await this.#create(plain, await this.filesOf(plain));
      const { fallbackReason } = created;
      return { ...moved, created: { ...moved.created, ...(fallbackReason === undefined ? {} : { fallbackReason }) } };
    } catch {
      return part;
    }
  }

  /**
   * A wasm heap never shrinks, so what is in it at the worst moment is what it takes for good: there a part goes before the
   * next one is built. On a graphics device it goes after: while it lives, its compiled pipelines serve the new one too.
   *
   * @returns keys of what the runtime has to release
   */
  #makeRoom(spec: PartSpec): string[] {
    if (spec.provider !== 'wasm') return [];
    const built = [...this.#parts.values()];
    const inUse = built.findLast(({ spec: { kind } }) => kind !== 'hollow');
    const displaced = displacedBy(spec, built, inUse);
    for (const part of displaced) this.#drop(part);
    return displaced.map(({ key }) => key);
  }

  #release(part: Part): void {
    this.#runtime.call({ type: 'release', key: part.key }).catch(() => {});
    this.#drop(part);
  }

  #drop(part: Part): void {
    this.#parts.delete(part.key);
    this.events.emit('released', part);
  }

  #forget(keys: readonly string[]): void {
    const lost = keys.flatMap((key) => this.#parts.get(key) ?? []);
    for (const { key } of lost) this.#parts.delete(key);
    for (const part of lost) this.events.emit('released', part);
  }
}
