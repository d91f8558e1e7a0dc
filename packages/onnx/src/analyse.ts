import { dynamicInputs } from './dims.js';
import { bytesPerElement, countElements, type ElementType, isElementType } from './element-type.js';
import { OnnxError } from './errors.js';
import { expose } from './expose.js';
import { flopsOf } from './flops.js';
import { type GraphIndex, indexOf } from './graph-index.js';
import { encodeModel, type Model } from './model.js';
import { randomTensor, seededRandom } from './random.js';
import type { OnnxRuntime, RuntimeSession, RuntimeTensor, RuntimeValue } from './runtime.js';
import { expectedBytes } from './tensor-data.js';

/** A tensor of a graph whose input dimensions are fixed. */
export interface TensorDescription {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly numBytes: number;
  /** `true` when the runtime cannot tell the dimensions without running: `dims` are those of one run. */
  readonly dynamic: boolean;
}

/** What one node costs. */
export interface NodeDescription {
  readonly name: string;
  readonly opType: string;
  /** Floating-point operations: a multiply-add counts as two. */
  readonly flops: number;
  /** Bytes of the activations that it reads and writes. */
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Bytes of the initialisers that it reads. */
  readonly weightBytes: number;
}

export interface Analysis {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  /** Inputs, intermediates and outputs by name; initialisers only where they are outputs. */
  readonly tensors: ReadonlyMap<string, TensorDescription>;
  /** What cannot cross a cut, by name, with the reason (`a sequence`, `a string tensor`, …). */
  readonly others: ReadonlyMap<string, string>;
  /** In the model's node order. */
  readonly nodes: readonly NodeDescription[];
}

export interface AnalyseOptions {
  /** Seed of the random input, for graphs whose shapes are known only after a run. */
  readonly seed?: number;
}

/**
 * Learns dimensions and type of every intermediate by opening the model with all of them exposed, and by one run
 * for those that the runtime cannot infer.
 *
 * @throws OnnxError `dynamic_dims` when an input dimension is not fixed, `runtime_failed`
 */
export async function analyse(model: Model, runtime: OnnxRuntime, options: AnalyseOptions = {}): Promise<Analysis> {
  const dynamic = dynamicInputs(model);
  if (dynamic.length > 0) {
    throw new OnnxError('dynamic_dims', `Inputs with dynamic dimensions: ${dynamic.join(', ')}. Give them numbers.`);
  }
  const index = indexOf(model);
  const session = await opened(runtime, encodeModel(expose(model)));
  try {
    const others = new Map<string, string>();
    const tensors = new Map<string, TensorDescription>();
    const unknown: string[] = [];
    for (const value of [...session.inputs, ...session.outputs]) {
      const reason = otherReason(value);
      if (reason) others.set(value.name, reason);
      else if (index.inputs.has(value.name) || isKnown(value)) {
        tensors.set(value.name, describe(value.name, value.type, value.dims.map(Number), false));
      } else unknown.push(value.name);
    }
    if (unknown.length > 0) {
      for (const [name, tensor] of Object.entries(await runOnce(session, others, unknown, options.seed ?? 1))) {
        tensors.set(name, describe(name, tensor.type, tensor.dims, tensor.dims.length > 0));
      }
    }
    return {
      inputs: pick(index.graph.input, tensors).filter(({ name }) => index.inputs.has(name)),
      outputs: pick(index.graph.output, tensors),
      tensors,
      others,
      nodes: describeNodes(index, tensors),
    };
  } finally {
    await session.release();
  }
}

async function opened(runtime: OnnxRuntime, model: Uint8Array): Promise<RuntimeSession> {
  try {
    return await runtime.open(model, { purpose: 'inspect' });
  } catch (cause) {
    throw failed('onnxruntime cannot open the model with its intermediates exposed', cause);
  }
}

async function runOnce(
  session: RuntimeSession,
  others: ReadonlyMap<string, string>,
  fetches: readonly string[],
  seed: number,
): Promise<Readonly<Record<string, RuntimeTensor>>> {
  const random = seededRandom(seed);
  const feeds: Record<string, RuntimeTensor> = {};
  for (const { name, type, dims } of session.inputs) {
    const other = others.get(name);
    if (other !== undefined || !isElementType(type)) {
      throw new OnnxError('unsupported', `Input "${name}" is ${other}: no random value can be made for it.`);
    }
    feeds[name] = randomTensor(type, dims.map(Number), random);
  }
  try {
    return await session.run(feeds, fetches);
  } catch (cause) {
    throw failed('The model does not run on random input, which is needed to learn its shapes', cause);
  }
}

function failed(what: string, cause: unknown): OnnxError {
  return new OnnxError('runtime_failed', `${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
}

/** onnxruntime reports an unknown rank as no dimensions, like a scalar's, so only a run can tell the two apart. */
function isKnown({ dims }: RuntimeValue): boolean {
  return dims.length > 0 && dims.every((dim) => typeof dim === 'number' && dim >= 0);
}

/** Why a value cannot cross a cut. */
function otherReason({ isTensor, type }: RuntimeValue): string | undefined {
  if (!isTensor) return 'a sequence, map or optional';
  if (!isElementType(type)) return `a ${type} tensor`;
  return undefined;
}

function describe(name: string, type: string, dims: readonly number[], dynamic: boolean): TensorDescription {
  if (!isElementType(type)) throw new OnnxError('unsupported', `"${name}" is a ${type} tensor.`);
  return { name, type, dims, numBytes: countElements(dims) * bytesPerElement(type), dynamic };
}

function pick(
  values: readonly { readonly name: string }[],
  tensors: ReadonlyMap<string, TensorDescription>,
): readonly TensorDescription[] {
  return values.flatMap(({ name }) => tensors.get(name) ?? []);
}

function describeNodes(index: GraphIndex, tensors: ReadonlyMap<string, TensorDescription>): NodeDescription[] {
  const dims = (name: string): readonly number[] | undefined =>
    tensors.get(name)?.dims ?? index.initializers.get(name)?.dims.map(Number);
  const sum = (names: Iterable<string>, bytes: (name: string) => number): number => {
    let total = 0;
    for (const name of names) total += bytes(name);
    return total;
  };
  const activation = (name: string): number => (index.constants.has(name) ? 0 : (tensors.get(name)?.numBytes ?? 0));
  return index.nodes.map((node, i) => ({
    name: node.name,
    opType: node.opType,
    flops: flopsOf(node, { inputs: node.input.map(dims), outputs: node.output.map(dims) }),
    inputBytes: sum(index.reads[i] ?? [], activation),
    outputBytes: sum(node.output, activation),
    weightBytes: sum(index.reads[i] ?? [], (name) => {
      const tensor = index.initializers.get(name);
      return tensor ? expectedBytes(tensor) : 0;
    }),
  }));
}
