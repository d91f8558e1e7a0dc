import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cut, encodeTensors, type Manifest, type TensorInfo } from '@cutpoint/protocol';
import { fetchVariant } from './edge-documents.js';
import { CROSSING_BYTES, overheadNetwork } from './network.js';
import type { Reply, StreamClient } from './stream-client.js';

const MODEL = 'overhead';

/** The cut at which 64 KB cross, as an edge serves it. */
export interface MiddleCut {
  readonly manifest: Manifest;
  /** sha256 of the cut table. */
  readonly table: string;
  readonly cut: Cut;
  readonly crossing: TensorInfo;
}

export async function inWorkDir<T>(work: (workDir: string) => Promise<T>): Promise<T> {
  const workDir = await mkdtemp(join(tmpdir(), 'cutpoint-overhead-'));
  try {
    return await work(workDir);
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

/** A model repository with the network that is measured. */
export async function repositoryIn(workDir: string): Promise<string> {
  const modelsDir = join(workDir, 'models');
  await mkdir(join(modelsDir, MODEL, '1'), { recursive: true });
  await writeFile(join(modelsDir, MODEL, '1', 'model.onnx'), overheadNetwork());
  const config = { description: 'benchmark', source: { file: 'model.onnx' } };
  await writeFile(join(modelsDir, MODEL, 'config.json'), JSON.stringify(config));
  return modelsDir;
}

export async function middleCut(url: string): Promise<MiddleCut> {
  const { manifest, variant, table } = await fetchVariant(url, MODEL, 'tensors');
  const cut = table.cuts.find(
    ({ id, bytesUp, tailGraph }) => id > 0 && tailGraph !== null && bytesUp === CROSSING_BYTES,
  );
  const crossing = table.tensors[cut?.crossing[0] ?? -1];
  if (cut === undefined || crossing === undefined) throw new Error('the table has no middle cut of 64 KB');
  return { manifest, table: variant.table, cut, crossing };
}

/** Another one for each request. */
export function inputOf(index: number): Float32Array {
  return Float32Array.from({ length: CROSSING_BYTES / 4 }, (_, at) => Math.sin(at + index));
}

export async function throughEdge(
  client: StreamClient,
  { table, cut, crossing }: MiddleCut,
  input: Float32Array,
): Promise<{ ms: number; reply: Reply }> {
  const startedAt = performance.now();
  const { tensors, parts, numBytes } = encodeTensors([{ ...crossing, data: input }]);
  const reply = await client.infer({ type: 'infer', model: MODEL, table, cut: cut.id, tensors, numBytes }, parts);
  return { ms: performance.now() - startedAt, reply };
}
