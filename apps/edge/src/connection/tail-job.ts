import { ProtocolError, type TensorHeader } from '@cutpoint/protocol';
import type { TailOutcome } from '../dispatcher/dispatcher.js';
import type { Run } from '../scheduler/runs.js';
import type { Job } from '../scheduler/scheduler.js';
import type { Owners } from '../scheduler/shared-use.js';
import type { Admitted } from './admission.js';
import type { ConnectionContext } from './context.js';
import { type BatchMember, runTogether } from './tail-batch.js';

/** One tail that a client wants run; its payload is whole. */
export interface TailRequest {
  /** In whose name it waits for its turn. */
  readonly owners: Owners;
  readonly admitted: Admitted;
  readonly inputs: readonly TensorHeader[];
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Names of the outputs to return, in order. */
  readonly outputs: readonly string[];
  /** When the payload was whole. */
  readonly receivedAtMs: number;
  readonly deadlineAtMs: number | undefined;
}

/** `done` or `refused` is called, once; `refused` also after a `done` that threw. */
export interface TailAnswer {
  /** Its turn has come. */
  started?(atMs: number): void;
  done(outcome: TailOutcome, startedAtMs: number): void;
  refused(error: ProtocolError): void;
}

/** Of jobs whose tails can share runs, what they are of. */
const members = new WeakMap<Job, BatchMember>();

/** The scheduler's side of a request: runs its tail when its turn has come, and measures that. */
export function tailJob(context: ConnectionContext, request: TailRequest, answer: TailAnswer): Job {
  const { owners, admitted, deadlineAtMs } = request;
  const { served } = admitted;
  const batching = served.batchGraphFile && context.batches.of(served, request.outputs);
  const job: Job = {
    ...owners,
    model: admitted.model,
    idleMs: context.idleTailMs(admitted.served),
    ...(deadlineAtMs === undefined ? {} : { deadlineAtMs }),
    ...(batching && { batching }),
    start: async (others, run) => {
      const joined = others.flatMap((other) => members.get(other) ?? []);
      if (batching && joined.length > 0)
        return await runTogether(context, batching, [{ job, request, answer }, ...joined], run);
      const { scheduler, onTailError } = context;
      answer.started?.(run.startedAtMs);
      try {
        const outcome = await runTail(context, request, run);
        scheduler.finished(job);
        answer.done(outcome, run.startedAtMs);
      } catch (error) {
        if (!(error instanceof ProtocolError)) onTailError(admitted.model, error);
        answer.refused(error instanceof ProtocolError ? error : tailFailed());
      }
    },
    reject: answer.refused,
  };
  if (batching) members.set(job, { job, request, answer });
  return job;
}

/** @throws ProtocolError what is wrong with the tensors, and whatever else went wrong as it is */
async function runTail(
  { dispatcher, clock, onTail, onRun }: ConnectionContext,
  { admitted, inputs, payload, outputs, receivedAtMs }: TailRequest,
  run: Run,
): Promise<TailOutcome> {
  const { model, served, graphFile } = admitted;
  // Also when its client does not wait for it any more.
  const over = served.version.hold();
  const task = { graphFile, inputs, payload, outputs, weights: served.weights };
  const outcome = await dispatcher.run(task, { turn: run, behind: run.behind }).finally(over);
  onRun(model, 1);
  const { startedAtMs } = run;
  if (!outcome.isFirstRun) {
    const queueMs = Math.max(0, startedAtMs - receivedAtMs);
    onTail(model, served, { queueMs, serviceMs: clock() - startedAtMs, tailMs: outcome.tailMs });
  }
  return outcome;
}

export function tailFailed(): ProtocolError {
  return new ProtocolError('tail_failed', 'the tail could not be run at the edge; finish locally or try once more');
}
