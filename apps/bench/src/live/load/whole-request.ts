import { randomBytes } from 'node:crypto';
import { type InferMessage, ProtocolError, parseCutTable, parseManifest, tensorBytes } from '@cutpoint/protocol';

/** A request that has the edge run a whole network on pixels. */
export interface WholeRequest {
  readonly message: Omit<InferMessage, 'id'>;
  readonly parts: readonly Uint8Array[];
  /** As the edge profiled it. */
  readonly tailMs: number;
}

/** @throws Error when the model is not ready, or takes no pictures */
export async function wholeRequestOf(edgeUrl: string, model: string): Promise<WholeRequest> {
  const manifest = sound(parseManifest(await json(`${edgeUrl}/v1/models/${model}/manifest`)));
  const variant = manifest.variants.find(({ kind }) => kind === 'pixels');
  if (!variant) throw new Error(`${model} takes no pictures`);
  const table = sound(parseCutTable(await json(`${edgeUrl}/v1/tables/${variant.table}`)));
  const cut = table.cuts.find(({ id }) => id === 0);
  if (!cut) throw new Error(`${model} has no cut 0`);
  const crossing = cut.crossing.flatMap((index) => table.tensors[index] ?? []);
  const parts = crossing.map(({ type, dims }) => randomBytes(tensorBytes(type, dims)));
  return {
    parts,
    tailMs: cut.tailMs,
    message: {
      type: 'infer',
      model,
      table: variant.table,
      cut: 0,
      tensors: crossing.map((info) => ({ ...info, codec: 'raw', numBytes: tensorBytes(info.type, info.dims) })),
      numBytes: parts.reduce((sum, { byteLength }) => sum + byteLength, 0),
    },
  };
}

async function json(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}

function sound<T>(parsed: T | ProtocolError): T {
  if (parsed instanceof ProtocolError) throw parsed;
  return parsed;
}
