import { setTimeout as delay } from 'node:timers/promises';
import { type ProtocolError, tensorBytes } from '@cutpoint/protocol';
import { stopping } from '../connection/admission.js';
import type { ConnectionContext } from '../connection/context.js';
import { tailJob } from '../connection/tail-job.js';
import type { Job } from '../scheduler/scheduler.js';
import type { ServedCut } from '../server/catalog.js';

/** An edge that takes nothing now may take something soon. */
const REFUSED_PAUSE_MS = 100;

/** One client more: asks for a tail, and when it is done for the next one, through the queue that all go through. */
export class TailStream {
  readonly model: string;
  readonly #context: ConnectionContext;
  readonly #served: ServedCut;
  readonly #graphFile: string;
  #job: Job | undefined;
  #isStopped = false;

  constructor(context: ConnectionContext, model: string, served: ServedCut, graphFile: string) {
    this.#context = context;
    this.model = model;
    this.#served = served;
    this.#graphFile = graphFile;
    void this.#run();
  }

  /** What waits is taken back; what runs is finished. */
  stop(): void {
    this.#isStopped = true;
    const { scheduler } = this.#context;
    if (this.#job !== undefined) scheduler.cancel(this.#job);
    scheduler.forget(this);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if ((await this.#once()) !== undefined) await delay(REFUSED_PAUSE_MS);
    }
  }

  /** Resolves with the refusal, if there is one; never when it was stopped while it waited. */
  async #once(): Promise<ProtocolError | undefined> {
    const { clock, scheduler, isStopping } = this.#context;
    const { cut, crossing } = this.#served;
    const inputs = crossing.map((info) => ({
      ...info,
      codec: 'raw' as const,
      numBytes: tensorBytes(info.type, info.dims),
    }));
    return await new Promise((resolve) => {
      const request = {
        client: this,
        admitted: { model: this.model, served: this.#served, graphFile: this.#graphFile },
        inputs,
        payload: new Uint8Array(inputs.reduce((sum, { numBytes }) => sum + numBytes, 0)),
        outputs: cut.tailOutputs,
        receivedAtMs: clock(),
        deadlineAtMs: undefined,
      };
      const job = tailJob(this.#context, request, { done: () => resolve(undefined), refused: resolve });
      this.#job = job;
      const refusal = isStopping() ? stopping() : scheduler.submit(job);
      if (refusal !== undefined) resolve(refusal);
    });
  }
}
