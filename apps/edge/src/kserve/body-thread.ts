import { createRequire } from 'node:module';
import { ProtocolError, type ProtocolErrorCode } from '@cutpoint/protocol';
import { Piscina } from 'piscina';
import { BodyQueue, type BodyTurn } from './body-queue.js';
import type { Contract } from './contract.js';
import { type InferRequest, readInferRequest } from './infer-request.js';
import { type Answered, type InferResponse, writeInferResponse } from './infer-response.js';

interface ReadTask {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly jsonBytes: number | undefined;
  readonly contracts: readonly Contract[];
}

/** What the thread is asked. */
export type BodyTask = { readonly read: ReadTask } | { readonly write: Answered };
export type BodyResult = { readonly read: InferRequest } | { readonly written: InferResponse };
/** What the client did wrong, in parts that travel between threads. */
export interface BodyRefusal {
  readonly refusal: { readonly code: ProtocolErrorCode; readonly message: string };
}

/** JSON up to this size is read in a fraction of a millisecond: shorter than the way to the thread and back. */
const SMALL_JSON_BYTES = 32 * 1024;
/** So is a list of so many numbers written. */
const SMALL_JSON_ELEMENTS = 1_024;
/** Copying more than this is more than a fraction of a millisecond as well: binary data moves to memory of its own, whatever it holds. */
const SMALL_COPY_BYTES = 1024 * 1024;
/** Numbers as JSON take some 100 ms for a large body; what is only copied does not wait for them. */
const THREADS = 2;
/** A thread ends after this long without work. */
const IDLE_MS = 30_000;
/** What the largest JSON that is taken may become in memory, with room to spare. */
const MAX_HEAP_MB = 768;

/**
 * Reads and writes the bodies of inference requests. Numbers as JSON are slow, and the event loop is everybody's: what is
 * large is done on threads, in turns ({@link BodyQueue}): one for JSON, one for what is only copied.
 */
export class BodyThread {
  readonly #pool: Piscina<BodyTask, BodyResult | BodyRefusal>;
  readonly #parsing: BodyQueue;
  readonly #copying: BodyQueue;

  /**
   * @param clock monotonic, in ms
   * @param onThreadError a thread died that had no task; another one takes its place
   */
  constructor(clock: () => number, onThreadError: (error: unknown) => void) {
    this.#parsing = new BodyQueue(clock);
    this.#copying = new BodyQueue(clock);
    this.#pool = new Piscina({
      filename: createRequire(import.meta.url).resolve('@cutpoint/edge/body-worker'),
      minThreads: 0,
      maxThreads: THREADS,
      idleTimeout: IDLE_MS,
      recordTiming: false,
      trackUnmanagedFds: false,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    this.#pool.on('error', onThreadError);
  }

  /**
   * @param task its body is handed over: the caller may not touch it afterwards
   * @throws ProtocolError what {@link readInferRequest} throws, and `cancelled` or `deadline_exceeded` when it was not read
   */
  async read(task: ReadTask, turn: BodyTurn): Promise<InferRequest> {
    const { body, jsonBytes = body.byteLength, contracts } = task;
    const isParsing = jsonBytes > SMALL_JSON_BYTES;
    if (!isParsing && body.byteLength <= SMALL_COPY_BYTES) return readInferRequest(body, task.jsonBytes, contracts);
    const plain = contracts.map(({ inputs, outputs }) => ({ inputs, outputs }));
    const queue = isParsing ? this.#parsing : this.#copying;
    const result = await this.#run({ read: { ...task, contracts: plain } }, body, { queue, turn });
    if ('read' in result) return result.read;
    throw new Error('the thread wrote instead of reading');
  }

  /**
   * @param answered its payload is handed over: the caller may not touch it afterwards
   * @throws ProtocolError what {@link writeInferResponse} throws, and `cancelled` or `deadline_exceeded` when it was not written
   */
  async write(answered: Answered, turn: BodyTurn): Promise<InferResponse> {
    const isParsing = jsonElements(answered) > SMALL_JSON_ELEMENTS;
    const { payload } = answered;
    if (!isParsing && payload.byteLength <= SMALL_COPY_BYTES) return writeInferResponse(answered);
    const queue = isParsing ? this.#parsing : this.#copying;
    const result = await this.#run({ write: answered }, payload, { queue, turn });
    if ('written' in result) return result.written;
    throw new Error('the thread read instead of writing');
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run(
    task: BodyTask,
    { buffer }: Uint8Array<ArrayBuffer>,
    { queue, turn }: { readonly queue: BodyQueue; readonly turn: BodyTurn },
  ): Promise<BodyResult> {
    const result = await queue.run(turn, () => this.#pool.run(task, { transferList: [buffer] }));
    if ('refusal' in result) throw new ProtocolError(result.refusal.code, result.refusal.message);
    return result;
  }
}

function jsonElements({ tensors, outputs }: Answered): number {
  const asJson = tensors.filter((_, index) => outputs[index]?.isBinary !== true);
  return asJson.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
}
