import { type Cut, type CutTable, encodeTensors, type TensorInfo } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import type { SharedEdge } from './edge.js';
import { CutpointError } from './errors.js';
import type { HeadKey } from './heads/head-store.js';
import { tensorOf, toTensor } from './tensors.js';
import type { TailReply } from './transport/requests.js';
import type { RunResult, TensorMessage } from './worker/messages.js';

export interface CutRun {
  readonly table: CutTable;
  readonly cut: Cut;
  readonly key: HeadKey;
  readonly feeds: readonly TensorMessage[];
  readonly deadlineMs: number | undefined;
  readonly signal: AbortSignal;
}

/** What one pass through head and tail gave, and what each took. */
export interface CutResult {
  readonly outputs: Record<string, Tensor>;
  readonly headMs: number;
  readonly encodeMs: number;
  readonly bytesUp: number;
  readonly reply?: TailReply;
}

/** Runs one cut once: the head here, when there is one, and the tail at the edge, when there is one. */
export async function runCut(edge: SharedEdge, run: CutRun): Promise<CutResult> {
  const { cut, table, feeds, signal } = run;
  const crossing = cut.crossing.map((index) => tensorInfo(table, index));
  const startMs = edge.clock.now();
  const head = cut.headGraph === null ? undefined : await runHead(edge, run, crossing);
  const made = new Map([...feeds, ...(head?.outputs ?? [])].map((tensor) => [tensor.name, tensor]));
  const outputs: Record<string, Tensor> = {};
  for (const name of cut.headOutputs) {
    const { type, dims, bytes } = found(made, name);
    outputs[name] = toTensor(type, dims, bytes);
  }
  const headMs = head?.headMs ?? 0;
  if (cut.tailGraph === null) return { outputs, headMs, encodeMs: 0, bytesUp: 0 };

  const encodeFromMs = edge.clock.now();
  const encoded = encodeTensors(
    crossing.map(({ name, type, dims }) => ({ name, type, dims, data: found(made, name).bytes })),
  );
  const encodeMs = edge.clock.now() - encodeFromMs;
  const { deadlineMs } = run;
  const reply = await edge.connection.request({
    model: table.model,
    table: run.key.table,
    cut: cut.id,
    ...encoded,
    signal,
    // What the head took is gone from it.
    ...(deadlineMs === undefined ? {} : { deadlineMs: Math.max(1, deadlineMs - (encodeFromMs - startMs)) }),
  });
  for (const tensor of reply.tensors) outputs[tensor.header.name] = tensorOf(tensor);
  const missing = cut.tailOutputs.find((name) => outputs[name] === undefined);
  if (missing !== undefined) {
    throw new CutpointError('edge_error', `The edge's reply has no output "${missing}".`, { edgeCode: 'bad_tensors' });
  }
  return { outputs, headMs, encodeMs, bytesUp: encoded.numBytes, reply };
}

async function runHead(edge: SharedEdge, run: CutRun, crossing: readonly TensorInfo[]): Promise<RunResult> {
  const head = edge.heads.get(run.key.text);
  if (!head) throw new CutpointError('runtime_failed', `The head of cut ${run.cut.id} is not built.`);
  const given = new Set(run.feeds.map(({ name }) => name));
  const wanted = new Set([...crossing.map(({ name }) => name), ...run.cut.headOutputs]);
  const fetches = [...wanted].filter((name) => !given.has(name));
  return edge.heads.run(head, run.feeds, fetches, run.signal);
}

function tensorInfo(table: CutTable, index: number): TensorInfo {
  const info = table.tensors[index];
  if (!info) throw new CutpointError('bad_manifest', `The cut table has no tensor ${index}.`);
  return info;
}

function found(made: ReadonlyMap<string, TensorMessage>, name: string): TensorMessage {
  const tensor = made.get(name);
  if (!tensor) throw new CutpointError('runtime_failed', `Neither the feeds nor the head have a tensor "${name}".`);
  return tensor;
}
