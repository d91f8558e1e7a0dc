import type { Controller } from '@cutpoint/partition';
import type { Cut, CutTable, EncodedTensors, Pack, Variant } from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-common';
import { headPacks, headSpec, type Part, type PartSpec } from '../heads/head-store.js';
import { toTensor } from '../tensors.js';
import type { RunnerHost } from '../variant-runner.js';
import type { TensorMessage } from '../worker/messages.js';
import { decodeKept, holdsPicture, tailSpec } from './tail-part.js';

/** So much longer than predicted a local finish may take and still make the deadline, */
const LATE_SHARE = 2;
/** and so many ms beside, */
const LATE_MS = 100;
/** and so many more where it must be built: the last build was of other weights. */
const LATE_BUILD_MS = 1000;

export interface RescueParts {
  readonly host: RunnerHost;
  readonly variant: Variant;
  readonly table: CutTable;
  readonly controller: Controller;
}

/** An inference that its edge has not finished. */
export interface Unfinished {
  readonly cut: Cut;
  readonly feeds: readonly TensorMessage[];
  /** What crosses, as it was sent. */
  readonly payload: EncodedTensors;
}

/** The same, finished here. */
export interface Finished {
  /** What ran: the tail of the cut, or the whole network from the feeds. */
  readonly kind: 'tail' | 'feeds';
  readonly cut: number;
  readonly outputs: Record<string, Tensor>;
  readonly runMs: number;
}

interface Way {
  readonly kind: Finished['kind'];
  readonly cut: Cut;
  readonly spec: PartSpec;
  readonly fetches: readonly string[];
  /** Predicted, with the build where it is not built. */
  readonly ms: number;
  readonly isBuilt: boolean;
}

/** Time that a local finish takes. */
export interface FinishTime {
  readonly expectedMs: number;
  /** To be given where it matters that it is enough. */
  readonly ampleMs: number;
}

/** What a local finish needs beside onnxruntime-web. */
export interface RescueNeeds {
  readonly graphs: readonly string[];
  readonly packs: readonly Pack[];
}

/** Finishes in the page what the edge did not, with weights that are here. Fetches nothing. */
export class Rescue {
  readonly #parts: RescueParts;
  /** The whole network as a head. */
  readonly #whole: Cut | undefined;
  /** Keys of parts that could not be built or run here. */
  readonly #broken = new Set<string>();
  readonly #tails = new Map<number, PartSpec>();
  readonly #unsubscribe: () => void;

  constructor(parts: RescueParts) {
    this.#parts = parts;
    this.#whole = parts.table.cuts.find(({ tailGraph, headGraph }) => tailGraph === null && headGraph !== null);
    this.#unsubscribe = parts.host.edge.runtime.events.on('restarted', () => this.#broken.clear());
  }

  close(): void {
    this.#unsubscribe();
  }

  /** For inferences by this cut. */
  needsOf(cut: Cut): RescueNeeds {
    const whole = this.#whole;
    const tail = cut.headGraph === null ? null : cut.tailGraph;
    const graphs = [tail, whole?.headGraph ?? null].filter((graph) => graph !== null);
    return { graphs, packs: whole ? headPacks(this.#parts.host.manifest, whole) : [] };
  }

  /** `undefined` when what a local finish takes is not here. */
  async timeFor(unfinished: Unfinished): Promise<FinishTime | undefined> {
    const [way] = await this.#ways(unfinished);
    if (!way) return undefined;
    return { expectedMs: way.ms, ampleMs: LATE_MS + LATE_SHARE * way.ms + (way.isBuilt ? 0 : LATE_BUILD_MS) };
  }

  /** By what is predicted to be soonest; `undefined` when it cannot be done here. */
  async finish(unfinished: Unfinished, signal: AbortSignal): Promise<Finished | undefined> {
    for (const { kind, cut, spec, fetches } of await this.#ways(unfinished)) {
      try {
        const part = await this.#build(spec, signal);
        const feeds = kind === 'tail' ? await decodeKept(unfinished.payload) : unfinished.feeds;
        const { outputs, headMs } = await this.#parts.host.edge.heads.run(part, { feeds, fetches }, signal);
        const tensors = outputs.map(({ name, type, dims, bytes }) => [name, toTensor(Tensor, type, dims, bytes)]);
        return { kind, cut: cut.id, outputs: Object.fromEntries(tensors), runMs: headMs };
      } catch (error) {
        if (signal.aborted) throw error;
        this.#broken.add(spec.key);
      }
    }
    return undefined;
  }

  get isWholeReady(): boolean {
    return this.#whole !== undefined && this.#parts.controller.isReady(this.#whole.id);
  }

  /** Builds the whole network if it can be built without the edge. @returns whether that made it ready */
  async prepareWhole(signal: AbortSignal): Promise<boolean> {
    const { controller } = this.#parts;
    const way = await this.#wholeWay();
    if (!way || this.isWholeReady) return false;
    try {
      await this.#build(way.spec, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#broken.add(way.spec.key);
      return false;
    }
    controller.setReady(way.cut.id, true);
    return true;
  }

  async #build(spec: PartSpec, signal: AbortSignal): Promise<Part> {
    const { host } = this.#parts;
    const urgent = { ...spec, isUrgent: true };
    const part = await host.edge.heads.prepare(urgent, (progress) => host.onProgress(progress), signal);
    host.onHead(part);
    return part;
  }

  async #ways(unfinished: Unfinished): Promise<Way[]> {
    const ways = [await this.#tailWay(unfinished), await this.#wholeWay()];
    return ways.filter((way) => way !== undefined).sort((a, b) => a.ms - b.ms);
  }

  async #tailWay({ cut, payload }: Unfinished): Promise<Way | undefined> {
    if (cut.headGraph === null || holdsPicture(payload)) return undefined;
    const spec = await this.#tailSpec(cut);
    return spec && this.#way('tail', cut, spec, cut.tailOutputs, cut.tailMs);
  }

  async #wholeWay(): Promise<Way | undefined> {
    const cut = this.#whole;
    if (!cut) return undefined;
    const { host, variant, table } = this.#parts;
    const spec = headSpec(host.manifest, variant, cut, host.provider(), table);
    return this.#way('feeds', cut, spec, cut.headOutputs, cut.headMs);
  }

  async #way(
    kind: Way['kind'],
    cut: Cut,
    spec: PartSpec,
    fetches: readonly string[],
    profiledMs: number,
  ): Promise<Way | undefined> {
    const { edge } = this.#parts.host;
    const isBuilt = edge.heads.get(spec.key) !== undefined;
    if (this.#broken.has(spec.key)) return undefined;
    if (!isBuilt && !((await edge.packs.has(spec.packs)) && (await edge.packs.keptGraph(spec.graph)))) return undefined;
    const d = this.#parts.controller.device.estimate(edge.clock.now()).value;
    const buildMs = isBuilt ? 0 : (edge.heads.buildMs ?? 0);
    return { kind, cut, spec, fetches, ms: d * profiledMs + buildMs, isBuilt };
  }

  async #tailSpec(cut: Cut): Promise<PartSpec | undefined> {
    const { host, variant, table } = this.#parts;
    const provider = host.provider();
    const known = this.#tails.get(cut.id);
    if (known) return { ...known, provider };
    const graph = cut.tailGraph === null ? undefined : await host.edge.packs.keptGraph(cut.tailGraph);
    const spec = graph && tailSpec({ manifest: host.manifest, variant, table, provider }, cut, graph);
    if (spec) this.#tails.set(cut.id, spec);
    return spec;
  }
}
