import { setTimeout as delay } from 'node:timers/promises';
import { ProtocolError, tensorBytes } from '@cutpoint/protocol';
import { stopping } from '../connection/admission.js';
import type { ConnectionContext } from '../connection/context.js';
import { tailJob } from '../connection/tail-job.js';
import type { Job } from '../scheduler/scheduler.js';
import type { Owners } from '../scheduler/shared-use.js';
import type { ServedCut } from '../server/served-version.js';

/** An edge that takes nothing now may take something soon. */
const REFUSED_PAUSE_MS = 100;

/** One client more: asks for a tail, and when it is done for the next one, through the queue that all go through. */
export class TailStream {
  readonly model: string;
  readonly #context: ConnectionContext;
  readonly #find: () => ServedCut | undefined;
  readonly #owners: Owners = { client: this, connection: this };
  #job: Job | undefined;
  #isStopped = false;

  /** @param find the tail to ask for now: versions of a model come and go */
  constructor(context: ConnectionContext, model: string, find: () => ServedCut | undefined) {
    this.#context = context;
    this.model = model;
    this.#find = find;
    void this.#run();
  }

  /** What waits is taken back; what runs is finished. */
  stop(): void {
    this.#isStopped = true;
    const { scheduler } = this.#context;
    if (this.#job !== undefined) scheduler.cancel(this.#job);
    scheduler.forgetConnection(this.#owners);
    scheduler.forgetClient(this);
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if ((await this.#once()) !== undefined) await delay(REFUSED_PAUSE_MS);
    }
  }

  /** Resolves with the refusal, if there is one; never when it was stopped while it waited. */
  async #once(): Promise<ProtocolError | undefined> {
    const { clock, scheduler, isStopping } = this.#context;
    const served = this.#find();
    if (served?.graphFile === undefined) return new ProtocolError('model_not_ready', `"${this.model}" has no tail now`);
    const { cut, crossing, graphFile } = served;
    const inputs = crossing.map((info) => ({
      ...info,
      codec: 'raw' as const,
      numBytes: tensorBytes(info.type, info.dims),
    }));
    return await new Promise((resolve) => {
      const request = {
        owners: this.#owners,
        admitted: { model: this.model, served, graphFile },
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
