import { randomBytes } from 'node:crypto';
import { type InferMessage, tensorBytes } from '@cutpoint/protocol';
import { fetchVariant } from '../../overhead/edge-documents.js';

/** A request that has the edge run a whole network on pixels. */
export interface WholeRequest {
  readonly message: Omit<InferMessage, 'id'>;
  readonly parts: readonly Uint8Array[];
  /** As the edge profiled it. */
  readonly tailMs: number;
}

/** @throws Error when the model is not ready, or takes no pictures */
export async function wholeRequestOf(edgeUrl: string, model: string): Promise<WholeRequest> {
  const { variant, table } = await fetchVariant(edgeUrl, model, 'pixels');
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
