import { createHash } from 'node:crypto';
import {
  type Analysis,
  analyse,
  type BenchmarkNetworkName,
  benchmarkNetworks,
  encodeModel,
  extract,
  listCuts,
  type Model,
  operatorKinds,
  optimizeModel,
  PackBuilder,
  packsOf,
  type RuntimeTensors,
  randomTensor,
  seededRandom,
} from '@cutpoint/onnx';
import type { NodeWork } from '@cutpoint/partition';
import type { RunnableGraph } from '../ort/device.js';
import { graphRuntime } from '../ort/graph-runtime.js';

/** A node of the optimised graph, as predictors see it. */
export interface SubjectNode extends NodeWork {
  readonly name: string;
  readonly opType: string;
  readonly outputs: readonly string[];
  /** Indexes of the nodes that it reads from. */
  readonly from: readonly number[];
}

/** A prefix cut's head. */
export interface SubjectHead {
  readonly cut: number;
  /** How many nodes of the order are in it. */
  readonly numNodes: number;
  readonly flops: number;
  graph(): RunnableGraph;
}

/** A network that is profiled and timed. */
export interface Subject {
  readonly name: BenchmarkNetworkName;
  readonly nodes: readonly SubjectNode[];
  readonly whole: RunnableGraph;
  readonly feeds: RuntimeTensors;
  /** Spread evenly over FLOPs, the whole network last. */
  readonly heads: readonly SubjectHead[];
}

/** @param folder for graphs while they are analysed */
export async function loadSubject(name: BenchmarkNetworkName, numHeads: number, folder: string): Promise<Subject> {
  const { input, build } = benchmarkNetworks[name];
  const runtime = graphRuntime(folder);
  const { model } = await optimizeModel(build(), runtime);
  const analysis = await analyse(model, runtime);
  const packs = new Map<string, Uint8Array>();
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const packed = new PackBuilder({ sha256, write: (pack, bytes) => void packs.set(pack.sha256, bytes) }).add(model);
  const runnable = (graph: Model): RunnableGraph => ({
    bytes: encodeModel(graph),
    packs: packsOf(graph).map((path) => ({ path, bytes: packs.get(path) ?? new Uint8Array() })),
  });
  const { cuts } = listCuts(packed, analysis);
  const chosen = spread(cuts, numHeads);
  return {
    name,
    nodes: nodesOf(model, analysis),
    whole: runnable(packed),
    feeds: { [input.name]: randomTensor('float32', input.dims, seededRandom(1)) },
    heads: chosen.map(({ id, head, headFlops }) => ({
      cut: id,
      numNodes: head.size,
      flops: headFlops,
      graph: () => {
        const { head: graph } = extract(packed, analysis, head);
        if (graph === null) throw new Error(`cut ${id} of ${name} has no head`);
        return runnable(graph);
      },
    })),
  };
}

function nodesOf(model: Model, analysis: Analysis): SubjectNode[] {
  const kinds = operatorKinds(model);
  const nodes = model.graph?.node ?? [];
  const producer = new Map(nodes.flatMap((node, index) => node.output.map((name) => [name, index] as const)));
  return nodes.map((node, index): SubjectNode => {
    const cost = analysis.nodes[index];
    if (cost === undefined) throw new Error(`node ${index} was not analysed`);
    return {
      name: node.name,
      opType: node.opType,
      kind: kinds[index] ?? node.opType,
      flops: cost.flops,
      bytes: cost.inputBytes + cost.outputBytes + cost.weightBytes,
      outputs: node.output,
      from: node.input.flatMap((name) => producer.get(name) ?? []),
    };
  });
}

/** Of the cuts that have a head, those nearest to even shares of the FLOPs. */
function spread<T extends { readonly headFlops: number; readonly head: ReadonlySet<number> }>(
  cuts: readonly T[],
  count: number,
): readonly T[] {
  const heads = cuts.filter(({ head }) => head.size > 0);
  const total = heads.at(-1)?.headFlops ?? 0;
  const chosen = new Set<T>();
  for (let i = 1; i <= count; i++) {
    const target = (total * i) / count;
    const apart = (cut: T): number => Math.abs(cut.headFlops - target);
    const [first, ...others] = heads;
    // The local cut has every node, also those after the last FLOP.
    const nearest = i === count ? heads.at(-1) : others.reduce((a, b) => (apart(b) < apart(a ?? b) ? b : a), first);
    if (nearest !== undefined) chosen.add(nearest);
  }
  return heads.filter((cut) => chosen.has(cut));
}
