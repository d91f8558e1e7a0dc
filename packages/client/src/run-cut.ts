import type { Codec, Terms } from '@cutpoint/partition';
import {
  type Cut,
  type CutTable,
  type EncodedTensor,
  type EncodedTensors,
  gather,
  type TensorInfo,
} from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-common';
import { encode, stepsOf } from './codec/encode.js';
import type { SharedEdge } from './edge.js';
import { CutpointError } from './errors.js';
import type { HeadKey, HeadStore } from './heads/head-store.js';
import type { Finished, Rescue } from './rescue/rescue.js';
import { runTail, type TailRun } from './run-tail.js';
import { toTensor } from './tensors.js';
import type { TailReply } from './transport/requests.js';
import type { Reservation } from './transport/reservations.js';
import type { TensorMessage } from './worker/messages.js';

export interface CutRun {
  readonly table: CutTable;
  readonly cut: Cut;
  /** How the crossing tensors travel. */
  readonly codec: Codec;
  /** What was predicted, for inferences that come after it. */
  readonly terms: Terms;
  readonly key: HeadKey;
  readonly feeds: readonly TensorMessage[];
  readonly deadlineMs: number | undefined;
  readonly signal: AbortSignal;
  /** The app's span. */
  readonly traceparent: string | undefined;
  readonly rescue: Rescue;
  /** Tries of this inference that the edge failed before. */
  readonly failures: number;
}

type HeadResult = Awaited<ReturnType<HeadStore['run']>>;

/** What one pass through head and tail gave, and what each took. */
export interface CutResult {
  readonly outputs: Record<string, Tensor>;
  /** For workers of this page that had other things to do. */
  readonly waitMs: number;
  readonly headMs: number;
  /** In the worker and here. */
  readonly encodeMs: number;
  readonly bytesUp: number;
  readonly reply?: TailReply;
  /** Whose reply that is. */
  readonly edgeUrl?: string;
  /** Instead of a reply: what the page did in the edge's place. */
  readonly finished?: Finished;
}

/**
 * Runs one cut once: the head here, when there is one, and the tail at the edge, when there is one. The tail's place in
 * the edge's queue is held from the first moment on, so that what it waits is what the decision saw.
 */
export async function runCut(edge: SharedEdge, run: CutRun): Promise<CutResult> {
  const { cut, table, key } = run;
  if (cut.tailGraph === null) return runWith(edge, run, undefined);
  const reservation = edge.connection.reserve({ model: table.model, table: key.table, cut: cut.id });
  const ends = edge.pace.begin();
  try {
    return await runWith(edge, run, reservation);
  } finally {
    ends();
    // Nothing is left of it when the request was sent.
    reservation?.release();
  }
}

async function runWith(edge: SharedEdge, run: CutRun, reservation: Reservation | undefined): Promise<CutResult> {
  const { cut, table, feeds, signal } = run;
  const crossing = cut.crossing.map((index) => tensorInfo(table, index));
  const startMs = edge.clock.now();
  const head = cut.headGraph === null ? undefined : await runHead(edge, run, crossing);
  const made = new Map([...feeds, ...(head?.outputs ?? [])].map((tensor) => [tensor.name, tensor]));
  const outputs: Record<string, Tensor> = {};
  for (const name of cut.headOutputs) {
    const { type, dims, bytes } = found(made, name);
    outputs[name] = toTensor(Tensor, type, dims, bytes);
  }
  const { headMs = 0, waitMs = 0 } = head ?? {};
  if (cut.tailGraph === null) return { outputs, waitMs, headMs, encodeMs: 0, bytesUp: 0 };

  const { payload, ...encoding } = await encodeCrossing(edge, run, crossing, made, head);
  const { deadlineMs, terms } = run;
  const tail: TailRun = {
    request: {
      model: table.model,
      table: run.key.table,
      cut: cut.id,
      reservation,
      ...payload,
      signal,
      traceparent: run.traceparent,
      // What head and codec took is gone from it.
      deadlineMs: deadlineMs === undefined ? undefined : Math.max(1, deadlineMs - (edge.clock.now() - startMs)),
    },
    unfinished: { cut, feeds, payload },
    rescue: run.rescue,
    failures: run.failures,
  };
  const { value: outcome } = await edge.tails.run(terms.tailMs + terms.decodeMs, () => runTail(edge, tail));
  const whole = { ...encoding, headMs, bytesUp: payload.numBytes };
  if ('reply' in outcome) {
    return { ...whole, outputs: { ...outputs, ...outcome.outputs }, reply: outcome.reply, edgeUrl: outcome.edgeUrl };
  }
  const { finished } = outcome;
  return { ...whole, outputs: { ...outputs, ...finished.outputs }, finished };
}

/** The payload: what the worker encoded already, and what crosses as it was fed. */
async function encodeCrossing(
  edge: SharedEdge,
  run: CutRun,
  crossing: readonly TensorInfo[],
  made: ReadonlyMap<string, TensorMessage>,
  head: HeadResult | undefined,
): Promise<{ payload: EncodedTensors; encodeMs: number; waitMs: number }> {
  const fromMs = edge.clock.now();
  const fromHead = new Map(head?.encoded.map((tensor) => [tensor.header.name, tensor]));
  const { connection, pictures } = edge;
  const write = async (): Promise<EncodedTensor[]> => {
    const encoded: EncodedTensor[] = [];
    for (const { name } of crossing) {
      encoded.push(fromHead.get(name) ?? (await encode(found(made, name), run.codec, connection.codecs, pictures)));
    }
    return encoded;
  };
  const { value, waitMs } = stepsOf(run.codec).picture
    ? await pictures.work.run(run.terms.encodeMs, write)
    : { value: await write(), waitMs: 0 };
  const encodeMs = (head?.encodeMs ?? 0) + edge.clock.now() - fromMs - waitMs;
  return { payload: gather(value), encodeMs, waitMs: (head?.waitMs ?? 0) + waitMs };
}

async function runHead(edge: SharedEdge, run: CutRun, crossing: readonly TensorInfo[]): Promise<HeadResult> {
  const head = edge.heads.get(run.key.text);
  if (!head) throw new CutpointError('runtime_failed', `The head of cut ${run.cut.id} is not built.`);
  const given = new Set(run.feeds.map(({ name }) => name));
  const crossingNames = crossing.map(({ name }) => name).filter((name) => !given.has(name));
  const kept = run.cut.headOutputs.filter((name) => !given.has(name));
  // What crosses and is an output as well is needed as it is.
  const names = crossingNames.filter((name) => !kept.includes(name));
  const fetches = [...new Set([...crossingNames, ...kept])];
  const encode = { names, codec: run.codec, known: edge.connection.codecs };
  const expectedMs = run.terms.headMs + run.terms.encodeMs;
  return edge.heads.run(head, { feeds: run.feeds, fetches, encode, expectedMs }, run.signal);
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
