import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Analysis,
  analyse,
  type BenchmarkNetworkName,
  batchedTail,
  benchmarkNetworks,
  type CutDescription,
  encodeModel,
  extract,
  listCuts,
  type Model,
  optimizeModel,
  PackBuilder,
  packsOf,
  type RuntimeTensors,
  randomTensor,
  seededRandom,
} from '@cutpoint/onnx';
import type { RunnableGraph } from '../ort/device.js';
import { graphRuntime } from '../ort/graph-runtime.js';

/** A benchmark network as the edge would prepare it: optimised, its weights in packs, ready to be cut. */
export interface PreparedNetwork {
  readonly name: BenchmarkNetworkName;
  /** Small: the weights are in packs. */
  readonly model: Model;
  readonly analysis: Analysis;
  /** Prefix cuts, equal ones merged. */
  readonly cuts: readonly CutDescription[];
  /** Head and tail of a cut; `undefined` for an empty one. */
  partsOf(cut: CutDescription): { readonly head: RunnableGraph | undefined; readonly tail: RunnableGraph | undefined };
  /** The tail of a cut for many inputs at once; `undefined` where that is not possible. */
  batchOf(cut: CutDescription): RunnableGraph | undefined;
  /** Random values for some of the network's tensors, which take as long to compute with as real ones. */
  feedsOf(names: readonly string[]): RuntimeTensors;
}

/** VGG16 takes 553 MB, and several times that while it is optimised. */
export async function prepareNetwork(name: BenchmarkNetworkName): Promise<PreparedNetwork> {
  return { name, ...(await prepareGraph(benchmarkNetworks[name].build())) };
}

/** Any model, its dimensions fixed and its weights inline. */
export async function prepareGraph(built: Model): Promise<Omit<PreparedNetwork, 'name'>> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-profile-'));
  try {
    const runtime = graphRuntime(folder);
    const { model: whole } = await optimizeModel(built, runtime);
    const analysis = await analyse(whole, runtime);
    const packs = new Map<string, Uint8Array>();
    const model = new PackBuilder({
      sha256: (bytes) => createHash('sha256').update(bytes).digest('hex'),
      write: ({ sha256 }, bytes) => void packs.set(sha256, bytes),
    }).add(whole);
    const runnable = (part: Model | null): RunnableGraph | undefined =>
      part === null ? undefined : { bytes: encodeModel(part), packs: packsOf(part).map((path) => packOf(packs, path)) };
    return {
      model,
      analysis,
      cuts: listCuts(model, analysis).cuts,
      partsOf(cut) {
        const { head, tail } = extract(model, analysis, cut.head);
        // Nobody runs the head of the empty cut, which hands over its inputs.
        return { head: cut.head.size === 0 ? undefined : runnable(head), tail: runnable(tail) };
      },
      batchOf(cut) {
        const { tail } = extract(model, analysis, cut.head);
        return runnable((tail && batchedTail(tail, analysis)) ?? null);
      },
      feedsOf: (names) => feedsOf(analysis, names),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function packOf(packs: ReadonlyMap<string, Uint8Array>, path: string): RunnableGraph['packs'][number] {
  const bytes = packs.get(path);
  if (bytes === undefined) throw new Error(`there is no pack ${path}`);
  return { path, bytes };
}

function feedsOf({ tensors }: Analysis, names: readonly string[]): RuntimeTensors {
  const random = seededRandom(1);
  return Object.fromEntries(
    names.map((name) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`there is no tensor "${name}"`);
      return [name, randomTensor(tensor.type, tensor.dims, random)];
    }),
  );
}
