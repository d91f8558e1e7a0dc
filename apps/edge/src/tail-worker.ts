import {
  encodeTensors,
  ProtocolError,
  type TensorBytes,
  type TensorHeader,
  tensorArray,
  tensorTypeSchema,
} from '@cutpoint/protocol';
import { Tensor } from 'onnxruntime-node';
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import * as v from 'valibot';
import { decodePayload } from './decoding/payload.js';
import {
  PROVIDERS,
  type Released,
  type ReleaseTask,
  type TailOutcome,
  type TailRefusal,
  type TailTask,
} from './dispatcher/dispatcher.js';
import { TailSessions } from './dispatcher/tail-sessions.js';
import { giveWay } from './ort/give-way.js';

/**
 * Runs tails on this thread, which onnxruntime-node blocks while it runs. Its default export is what Piscina calls.
 */

const options = v.parse(
  v.object({
    maxSessions: v.number(),
    maxBytes: v.number(),
    threads: v.number(),
    providers: v.array(v.picklist(PROVIDERS)),
  }),
  workerData,
);
const sessions = new TailSessions(options);
giveWay();

/** What runs now: a session is not to be let go in the middle of its run. */
let last: Promise<unknown> = Promise.resolve();

export default async function runInTurn(
  task: TailTask | ReleaseTask,
): Promise<ReturnType<typeof move> | TailRefusal | Released> {
  const turn = last.then(async () => ('release' in task ? await release(task) : await runTail(task)));
  last = turn.catch(() => undefined);
  return await turn;
}

async function release(task: ReleaseTask): Promise<Released> {
  return { released: await sessions.release(task.release), open: sessions.held };
}

async function runTail(task: TailTask): Promise<ReturnType<typeof move> | TailRefusal> {
  try {
    return await run(task);
  } catch (error) {
    // Between threads an error loses all but its message.
    if (error instanceof ProtocolError) return { badTensors: error.message };
    throw error;
  }
}

async function run(task: TailTask): Promise<ReturnType<typeof move>> {
  const startedAt = performance.now();
  const { graphFile, weights = 'own' } = task;
  const found = await sessions.open(graphFile, weights);
  const openedAt = performance.now();
  const feeds = feedsOf(await decodePayload(task.inputs, task.payload));
  const decodedAt = performance.now();
  const { result: outputs, opened } = await sessions.run(
    graphFile,
    weights,
    found,
    async (session) => await session.run(feeds, [...task.outputs]),
  );
  const ranAt = performance.now();
  const { tensors, payload } = collect(task.outputs, outputs);
  const outcome: TailOutcome = {
    tensors,
    payload,
    isFirstRun: opened.isNew,
    provider: opened.tail.provider,
    released: opened.released,
    fallbacks: opened.fallbacks,
    open: sessions.held,
    sessionMs: openedAt - startedAt,
    decodeMs: decodedAt - openedAt,
    tailMs: ranAt - decodedAt,
    encodeMs: performance.now() - ranAt,
  };
  // Hands the payload's memory over instead of copying it.
  return move({ [transferableSymbol]: payload.buffer, [valueSymbol]: outcome });
}

function feedsOf(tensors: readonly TensorBytes[]): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { header, bytes } of tensors) {
    feeds[header.name] = new Tensor(header.type, tensorArray(header.type, bytes), header.dims);
  }
  return feeds;
}

function collect(
  names: readonly string[],
  outputs: Readonly<Record<string, Tensor>>,
): { tensors: TensorHeader[]; payload: Uint8Array<ArrayBuffer> } {
  const encoded = encodeTensors(
    names.map((name) => {
      const tensor = outputs[name];
      if (tensor === undefined) throw new Error(`the tail has no output "${name}"`);
      const { type, dims, data } = tensor;
      if (Array.isArray(data)) throw new Error(`output "${name}" holds strings, which do not travel`);
      return { name, type: tensorTypeSchema(type), dims: [...dims], data };
    }),
  );
  // onnxruntime's output memory cannot be transferred, so one copy gathers all outputs into memory that can.
  const payload = new Uint8Array(encoded.numBytes);
  let offset = 0;
  for (const part of encoded.parts) {
    payload.set(part, offset);
    offset += part.byteLength;
  }
  return { tensors: encoded.tensors, payload };
}
