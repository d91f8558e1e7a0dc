import { randomBytes } from 'node:crypto';
import {
  type Cut,
  type CutTable,
  type InferMessage,
  type Manifest,
  type TensorInfo,
  tensorBytes,
} from '@cutpoint/protocol';
import { fetchVariant, type VariantDocuments } from '../overhead/edge-documents.js';
import { CROSSING_BYTES } from '../overhead/network.js';

export interface TailRequest {
  readonly message: Omit<InferMessage, 'id'>;
  readonly parts: readonly Uint8Array[];
}

/** A request for the tail after the one node of a network of `overhead/network`, or for the whole of a network for pictures. */
export interface ServedTail extends TailRequest {
  readonly manifest: Manifest;
  readonly cut: Cut;
  readonly crossing: TensorInfo;
}

/** Networks of this name take a picture, and their tail is the whole of them; of all others it is the one after the one node. */
const OF_PICTURES = /^bench-/;

/** @throws Error when the model is not ready, or has no such cut */
export async function servedTail(edgeUrl: string, model: string): Promise<ServedTail> {
  if (OF_PICTURES.test(model)) return await wholeNetwork(edgeUrl, model);
  const documents = await fetchVariant(edgeUrl, model, 'tensors');
  const { manifest, table } = documents;
  const cut = table.cuts.find(
    ({ id, bytesUp, tailGraph }) => id > 0 && tailGraph !== null && bytesUp === CROSSING_BYTES,
  );
  const [crossing] = cut === undefined ? [] : crossingOf(table, cut);
  if (cut === undefined || crossing === undefined) throw new Error(`${model} has no middle cut of 64 KB`);
  return { ...tailRequest(documents, cut), manifest, cut, crossing };
}

async function wholeNetwork(edgeUrl: string, model: string): Promise<ServedTail> {
  const documents = await fetchVariant(edgeUrl, model, 'pixels');
  const [cut] = documents.table.cuts;
  const [crossing] = cut === undefined ? [] : crossingOf(documents.table, cut);
  if (cut === undefined || crossing === undefined) throw new Error(`${model} has no cut that sends the picture`);
  return { ...tailRequest(documents, cut), manifest: documents.manifest, cut, crossing };
}

/** A request for any tail, with arbitrary numbers. */
export function tailRequest({ manifest, variant, table }: VariantDocuments, cut: Cut): TailRequest {
  const tensors = crossingOf(table, cut).map(
    (info) => ({ ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) }) as const,
  );
  const numBytes = tensors.reduce((sum, tensor) => sum + tensor.numBytes, 0);
  return {
    message: { type: 'infer', model: manifest.model, table: variant.table, cut: cut.id, tensors, numBytes },
    parts: tensors.map(({ type, numBytes }) =>
      type === 'float32' ? new Uint8Array(randomFloats(numBytes).buffer) : randomBytes(numBytes),
    ),
  };
}

function crossingOf(table: CutTable, cut: Cut): readonly TensorInfo[] {
  return cut.crossing.flatMap((index) => table.tensors[index] ?? []);
}

/** Between -1 and 1: numbers that are none, or tiny ones, take longer to compute with. */
export function randomFloats(numBytes: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(randomBytes(numBytes / 4), (byte) => byte / 127.5 - 1);
}
