import { readFileSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { decodeModel, PackBuilder, packedBytes, type WeightPack } from '@cutpoint/onnx';
import type { Cut, CutTable, Manifest, Variant } from '@cutpoint/protocol';
import { ModelError } from '../models/error.js';
import { sha256Of } from '../models/hash.js';
import type { NodeRuntime } from '../ort/runtime.js';
import type { Weights } from '../ort/weights.js';
import { type BuiltCut, type BuiltVariant, buildVariant, tensorInfo } from './build-variant.js';
import { type Machine, SESSION_THREADS } from './cache-key.js';
import { chooseWeights } from './choose-weights.js';
import { ModelFidelity } from './fidelity/model-fidelity.js';
import type { VariantFidelity } from './fidelity/variant-fidelity.js';
import type { PrepareRequest } from './prepared.js';
import { type CutTimes, type ProfiledCut, profileCuts, type WorkCurve } from './profile.js';
import { randomFeeds } from './random-feeds.js';
import type { PreparedRecord } from './record.js';
import type { ObjectStore } from './store.js';
import { describeTask } from './task.js';
import { planVariants } from './variant-plan.js';

export interface BuildContext {
  readonly store: ObjectStore;
  readonly machine: Machine;
  readonly runtime: NodeRuntime;
  /** Milliseconds that timing may take for the first variant, and for each of the others. */
  readonly timingBudget?: { readonly firstMs: number; readonly otherMs: number };
  /** Milliseconds that trying codecs may take for all variants together. */
  readonly fidelityBudgetMs?: number;
}

/** Chosen so that the two OCR models, nine variants in all, are ready within half a minute on two slow cores. */
const TIMING_BUDGET = { firstMs: 3500, otherMs: 1800 };
const MAX_TIMED_CUTS = { first: 14, other: 6 };
/** Beside the timing, for all variants of a model. */
const FIDELITY_BUDGET_MS = 5000;

type Progress = NonNullable<PrepareRequest['onProgress']>;

/** Does the whole work of preparing, and blocks its thread while onnxruntime runs: call it in a process of its own. */
export async function buildPrepared(request: PrepareRequest, context: BuildContext): Promise<PreparedRecord> {
  const { store, runtime } = context;
  const progress: Progress = request.onProgress ?? (() => undefined);
  progress({ stage: 'reading the model', done: 0, total: 1 });
  const objects = new Map<string, number>();
  const writes: Promise<unknown>[] = [];
  const put = (bytes: Uint8Array, sha256 = sha256Of(bytes)): string => {
    if (!objects.has(sha256)) {
      objects.set(sha256, bytes.byteLength);
      const write = store.put(bytes, sha256);
      // Awaited below; until then a failure must not count as unhandled.
      write.catch(() => undefined);
      writes.push(write);
    }
    return sha256;
  };
  const file = decodeModel(readFileSync(request.modelFile), { externalData: siblingReader(request.modelFile) });
  const packs = new PackBuilder({ sha256: sha256Of, write: (pack, bytes) => put(bytes, pack.sha256) });

  const planned = planVariants(request.config);
  const built: BuiltVariant[] = [];
  for (const variant of planned) {
    progress({ stage: `cutting ${variant.id}`, done: built.length, total: planned.length });
    built.push(await buildVariant(file, request.config, variant, runtime, packs));
    await settle(writes);
  }

  // Before the timing: a wrong list of labels should be told at once.
  const task = describeTask(built, request);
  const codecs = await ModelFidelity.begin({
    request,
    runtime,
    numVariants: built.length,
    budgetMs: context.fidelityBudgetMs ?? FIDELITY_BUDGET_MS,
  });
  const variants: Variant[] = [];
  let curve: WorkCurve | undefined;
  let weights: Weights | undefined;
  for (const variant of built) {
    const first = curve === undefined;
    const order = byWork(variant);
    const profile = await profileCuts(order.map(profiledCut), {
      runtime,
      feeds: randomFeeds(variant.analysis.inputs),
      maxCuts: first ? MAX_TIMED_CUTS.first : MAX_TIMED_CUTS.other,
      budgetMs: (context.timingBudget ?? TIMING_BUDGET)[first ? 'firstMs' : 'otherMs'],
      ...(curve === undefined ? {} : { curve }),
      onTimed: (done, total) => progress({ stage: `timing ${variant.planned.id}`, done, total }),
    });
    curve ??= profile.curve;
    weights ??= await weightsOf(variant, runtime);
    const times = new Map(order.map((cut, position) => [cut, profile.times[position]]));
    const fidelity = await codecs?.measure(variant, order, (cut) => times.get(cut)?.timed === true);
    const table = cutTable(request, variant, { times, fidelity }, packs.packs, context.machine, put);
    variants.push(describeVariant(request, variant, put(Buffer.from(JSON.stringify(table)))));
  }
  const batchGraphs = new Map<string, string>();
  for (const { tailGraph, batchGraph } of built.flatMap(({ cuts }) => cuts)) {
    if (tailGraph !== null && batchGraph !== null) batchGraphs.set(put(tailGraph), put(batchGraph));
  }
  await settle(writes);
  const manifest: Manifest = {
    format: 'cutpoint.manifest.v1',
    model: request.name,
    version: request.version,
    description: request.config.description,
    task,
    packs: packs.packs.map(({ sha256, numBytes }) => ({ sha256, numBytes })),
    variants,
  };
  return {
    manifest,
    objects: [...objects],
    batchGraphs: [...batchGraphs],
    weights: weights ?? 'own',
    notes: built.flatMap(({ notes }) => notes),
  };
}

/** Fewer bytes of weights are little beside what a session costs without any, and are not worth the time to try. */
const LEAST_SHARED_BYTES = 1024 * 1024;

/** As is best for the tail of everything; the other tails are parts of it. */
async function weightsOf({ cuts, analysis }: BuiltVariant, runtime: NodeRuntime): Promise<Weights | undefined> {
  const whole = cuts.find(({ headGraph }) => headGraph === null)?.tailGraph;
  if (whole == null) return undefined;
  if (packedBytes(whole) < LEAST_SHARED_BYTES) return 'own';
  return await chooseWeights(whole, randomFeeds(analysis.inputs), runtime);
}

async function settle(writes: Promise<unknown>[]): Promise<void> {
  await Promise.all(writes.splice(0));
}

/** Cuts as the profile wants them: the empty head first, the local cut last, those that are no prefixes at their place between. */
function byWork({ cuts }: BuiltVariant): readonly BuiltCut[] {
  const place = ({ headGraph, tailGraph }: BuiltCut): number => (tailGraph === null ? 2 : headGraph === null ? 0 : 1);
  return [...cuts].sort((a, b) => place(a) - place(b) || a.description.headFlops - b.description.headFlops);
}

function profiledCut({ description, isProposed, headGraph, tailGraph }: BuiltCut): ProfiledCut {
  return { bytesUp: description.bytesUp, headFlops: description.headFlops, isProposed, headGraph, tailGraph };
}

function describeVariant(request: PrepareRequest, variant: BuiltVariant, table: string): Variant {
  const { planned, analysis, pixels } = variant;
  const common = {
    id: planned.id,
    inputs: analysis.inputs.map(({ name }) => tensorInfo(analysis, name)),
    outputs: analysis.outputs.map(({ name }) => tensorInfo(analysis, name)),
    table,
  };
  const config = request.config.pixels;
  if (planned.kind === 'tensors' || pixels === undefined || config === undefined) {
    return { ...common, kind: 'tensors' };
  }
  const { height, width } = planned;
  return {
    ...common,
    kind: 'pixels',
    image: { input: pixels.input, height, width, fit: config.fit, pad: config.pad },
  };
}

function cutTable(
  request: PrepareRequest,
  variant: BuiltVariant,
  {
    times,
    fidelity,
  }: {
    readonly times: ReadonlyMap<BuiltCut, CutTimes | undefined>;
    readonly fidelity: VariantFidelity | undefined;
  },
  packs: readonly WeightPack[],
  machine: Machine,
  put: (bytes: Uint8Array) => string,
): CutTable {
  const tensorIndexes = new Map<string, number>();
  const indexOf = (name: string): number => {
    const index = tensorIndexes.get(name) ?? tensorIndexes.size;
    tensorIndexes.set(name, index);
    return index;
  };
  const packIndexes = new Map(packs.map((pack, index) => [pack.sha256, index]));
  const cuts = variant.cuts.map((built): Cut => {
    const { description, headGraph, tailGraph, headPacks } = built;
    const time = times.get(built) ?? { headMs: 0, tailMs: 0, timed: false };
    const codecs = fidelity?.byCut.get(built) ?? [];
    return {
      id: description.id,
      headNodes: description.head.size,
      crossing: description.crossing.map(indexOf),
      headOutputs: [...description.headOutputs],
      tailOutputs: [...description.tailOutputs],
      headGraph: headGraph === null ? null : put(headGraph),
      tailGraph: tailGraph === null ? null : put(tailGraph),
      headPacks: headPacks.flatMap((sha256) => packIndexes.get(sha256) ?? []),
      bytesUp: description.bytesUp,
      bytesDown: description.bytesDown,
      headFlops: description.headFlops,
      headMs: roundMs(time.headMs),
      tailMs: roundMs(time.tailMs),
      timed: time.timed,
      ...(codecs.length > 0 && { fidelity: [...codecs] }),
    };
  });
  return {
    format: 'cutpoint.cuts.v1',
    model: request.name,
    variant: variant.planned.id,
    tensors: [...tensorIndexes.keys()].map((name) => tensorInfo(variant.analysis, name)),
    nodes: variant.analysis.nodes.map(({ opType, name, flops }) => ({ opType, name, flops })),
    cuts,
    profile: { machine: machine.name, provider: `${machine.runtime} cpu`, threads: SESSION_THREADS },
    ...(fidelity && { calibration: fidelity.calibration }),
  };
}

/** A microsecond is finer than any of these timings. */
function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** Weights in files beside the model, each read once: hundreds of them may lie in one of half a gigabyte. */
function siblingReader(modelFile: string): (location: string) => Uint8Array | undefined {
  const folder = dirname(resolve(modelFile));
  const files = new Map<string, Uint8Array>();
  return (location) => {
    const file = resolve(folder, location);
    if (!file.startsWith(folder + sep)) {
      throw new ModelError(
        'not_a_model',
        `${modelFile} wants weights from ${location}, outside its own folder: refused`,
      );
    }
    const known = files.get(file);
    if (known !== undefined) return known;
    try {
      const bytes = readFileSync(file);
      files.set(file, bytes);
      return bytes;
    } catch {
      return undefined;
    }
  };
}
