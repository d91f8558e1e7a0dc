import {
  type Cut,
  type CutTable,
  decodeTensor,
  type EncodedTensors,
  type Manifest,
  type Variant,
} from '@cutpoint/protocol';
import { isPictureCodec } from '../codec/picture.js';
import type { PartSpec } from '../heads/head-store.js';
import type { TensorMessage } from '../worker/messages.js';

/** The tail of a cut as a part that can be built here, if what crosses there is known. */
export function tailSpec(
  { manifest, variant, table, provider }: TailSource,
  cut: Cut,
  graph: Uint8Array,
): PartSpec | undefined {
  if (cut.tailGraph === null) return undefined;
  const inputs = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
  // A graph names its packs by their hash, as the file names of its external data.
  const text = new TextDecoder('latin1').decode(graph);
  const packs = manifest.packs.filter(({ sha256 }) => text.includes(sha256));
  const key = `${variant.table}/${cut.id}/tail`;
  return { key, kind: 'tail', variant, cut, graph: cut.tailGraph, inputs, packs, provider, onGpu: [] };
}

export interface TailSource {
  readonly manifest: Manifest;
  readonly variant: Variant;
  readonly table: CutTable;
  readonly provider: 'webgpu' | 'wasm';
}

/** What crossed, as the edge would have seen it. Pictures are not read here. */
export function decodeKept({ tensors, parts }: EncodedTensors): Promise<TensorMessage[]> {
  return Promise.all(
    tensors.map(async ({ deflated, ...header }, index) => {
      const kept = parts[index] ?? new Uint8Array();
      const bytes = deflated ? await inflate(kept) : kept.slice();
      const { name, type, dims } = header;
      return { name, type, dims, bytes: decodeTensor({ ...header, numBytes: bytes.byteLength }, bytes) };
    }),
  );
}

export function holdsPicture({ tensors }: EncodedTensors): boolean {
  return tensors.some(({ codec }) => isPictureCodec(codec));
}

async function inflate(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  // The cast: what is kept never lies in shared memory.
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
