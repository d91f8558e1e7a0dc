import { create, fromBinary } from '@bufbuild/protobuf';
import {
  TensorProto_DataType as DataType,
  type GraphProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from 'onnx-buf';
import { graphOf, readsOf } from './graph-index.js';
import type { Model } from './model.js';
import { withFields } from './proto.js';
import { expectedBytes, externalData, externalDataOf, isExternal, tensorBytes } from './tensor-data.js';

/** A block of weights, named by the sha256 of its bytes. */
export interface WeightPack {
  readonly sha256: string;
  readonly numBytes: number;
}

export interface PackBuilderOptions {
  /** Lower-case hex. Injected, because a hash in plain JavaScript takes seconds for hundreds of megabytes. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** Takes each pack once, as soon as it is complete. */
  readonly write: (pack: WeightPack, bytes: Uint8Array) => void;
}

/** A pack is closed when it has this much; a tensor of this size has a pack of its own. */
const PACK_BYTES = 512 * 1024;
/** Shapes, axes and the like must be inline; a session whose shapes are external cannot be created. */
const INLINE_INTEGER_BYTES = 1024;
/** Scales of a `Resize`, bounds of a `Clip`: shape inference and fusions look at them. */
const INLINE_FLOAT_BYTES = 128;
/** So that kernels find weights aligned in a mapped file. */
const ALIGNMENT = 64;

const FLOATS: ReadonlySet<number> = new Set([DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE, DataType.BFLOAT16]);

interface Block {
  sha256: string | undefined;
  numBytes: number;
  readonly parts: { readonly bytes: Uint8Array; readonly offset: number }[];
}

interface Place {
  readonly block: Block;
  readonly offset: number;
  readonly length: number;
}

/**
 * Collects the weights of several variants of one model into content-addressed packs; no tensor is stored twice.
 *
 * Weights inside the bodies of `If`, `Loop` and `Scan`, and those of `Constant` nodes there, stay inline in the graph:
 * a graph with such a body is as large as its bodies, and each head or tail that has the node carries a copy.
 */
export class PackBuilder {
  readonly #options: PackBuilderOptions;
  /** By content hash of the tensor. */
  readonly #places = new Map<string, Place>();
  readonly #blocks: Block[] = [];
  #open: Block | undefined;

  constructor(options: PackBuilderOptions) {
    this.#options = options;
  }

  /** All packs so far, in graph order of the first model, then of the next. */
  get packs(): readonly WeightPack[] {
    return [...new Map(this.#blocks.map((block) => [block.sha256, asPack(block)])).values()];
  }

  /** The model with its weights as external data in packs; integers up to 1 KiB and tiny floats stay inline. */
  add(model: Model): Model {
    const graph = graphOf(model);
    const byName = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    const places = new Map<string, Place>();
    const visit = (name: string): void => {
      const tensor = byName.get(name);
      if (tensor && !places.has(name) && belongsInPack(tensor)) places.set(name, this.#place(tensorBytes(tensor)));
    };
    for (const node of graph.node) for (const name of readsOf(node)) visit(name);
    for (const name of byName.keys()) visit(name);
    this.#flush();
    const initializer = graph.initializer.map((tensor) => {
      const place = places.get(tensor.name);
      return place ? external(tensor, place) : tensor;
    });
    return withFields(model, { graph: withFields(graph, { initializer }) });
  }

  #place(bytes: Uint8Array): Place {
    const content = this.#options.sha256(bytes);
    const known = this.#places.get(content);
    if (known) return known;
    let block: Block;
    if (bytes.length >= PACK_BYTES) {
      block = { sha256: content, numBytes: bytes.length, parts: [] };
      this.#blocks.push(block);
      this.#options.write({ sha256: content, numBytes: bytes.length }, bytes);
    } else {
      block = this.#opened();
    }
    const offset = block.sha256 === undefined ? Math.ceil(block.numBytes / ALIGNMENT) * ALIGNMENT : 0;
    const place = { block, offset, length: bytes.length };
    this.#places.set(content, place);
    if (block.sha256 === undefined) {
      block.parts.push({ bytes, offset });
      block.numBytes = offset + bytes.length;
      if (block.numBytes >= PACK_BYTES) this.#flush();
    }
    return place;
  }

  #opened(): Block {
    if (!this.#open) {
      this.#open = { sha256: undefined, numBytes: 0, parts: [] };
      this.#blocks.push(this.#open);
    }
    return this.#open;
  }

  #flush(): void {
    const block = this.#open;
    this.#open = undefined;
    if (!block) return;
    const bytes = new Uint8Array(block.numBytes);
    for (const part of block.parts) bytes.set(part.bytes, part.offset);
    block.parts.length = 0;
    block.sha256 = this.#options.sha256(bytes);
    const pack = asPack(block);
    const isNew = this.#blocks.every((other) => other === block || other.sha256 !== pack.sha256);
    if (isNew) this.#options.write(pack, bytes);
  }
}

/** sha256 of the packs that a model's weights are in, in order of first use. */
export function packsOf(model: Model): readonly string[] {
  const names = new Set<string>();
  const graph: GraphProto = graphOf(model);
  const byName = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const node of graph.node) {
    for (const name of readsOf(node)) {
      const tensor = byName.get(name);
      if (tensor && isExternal(tensor)) names.add(externalDataOf(tensor).location);
    }
  }
  for (const tensor of graph.initializer) if (isExternal(tensor)) names.add(externalDataOf(tensor).location);
  return [...names];
}

/**
 * Bytes of weights that lie in packs, by the file of a head or tail; the packs are not looked at.
 * @param opType only those that operators of this type read
 * @throws Error when the file is no ONNX model
 */
export function packedBytes(file: Uint8Array, opType?: string): number {
  // A plain view: subarrays of a Node Buffer would be Buffers.
  const view = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  const graph = graphOf(fromBinary(ModelProtoSchema, view));
  const read = new Set(graph.node.filter((node) => node.opType === opType).flatMap((node) => node.input));
  return graph.initializer
    .filter((tensor) => isExternal(tensor) && (opType === undefined || read.has(tensor.name)))
    .reduce((sum, tensor) => sum + expectedBytes(tensor), 0);
}

function asPack({ sha256, numBytes }: Block): WeightPack {
  return { sha256: sha256 ?? '', numBytes };
}

function belongsInPack(tensor: TensorProto): boolean {
  if (isExternal(tensor) || tensor.dataType === DataType.STRING) return false;
  return expectedBytes(tensor) > (FLOATS.has(tensor.dataType) ? INLINE_FLOAT_BYTES : INLINE_INTEGER_BYTES);
}

function external(tensor: TensorProto, { block, offset, length }: Place): TensorProto {
  return create(TensorProtoSchema, {
    name: tensor.name,
    dims: tensor.dims,
    dataType: tensor.dataType,
    ...externalData({ location: block.sha256 ?? '', offset, length }),
  });
}
