import { ProtocolError } from '@cutpoint/protocol';
import type { TailBatching } from '../batching/tail-batching.js';
import type { TailOutcome } from '../dispatcher/dispatcher.js';
import type { Run } from '../scheduler/runs.js';
import type { Job } from '../scheduler/scheduler.js';
import type { ConnectionContext } from './context.js';
import { type TailAnswer, type TailRequest, tailFailed } from './tail-job.js';

/** A request whose tail can run with others of its kind. */
export interface BatchMember {
  readonly job: Job;
  readonly request: TailRequest;
  readonly answer: TailAnswer;
}

/** Runs the tails of several requests at once, and answers each. */
export async function runTogether(
  context: ConnectionContext,
  batching: TailBatching,
  members: readonly [BatchMember, ...BatchMember[]],
  run: Run,
): Promise<void> {
  const { dispatcher, scheduler, onTailError, batches } = context;
  const [{ job, request }] = members;
  const { model, served, graphFile } = request.admitted;
  const { batchGraphFile = graphFile, weights } = served;
  for (const { answer } of members) answer.started?.(run.startedAtMs);
  const overs = members.map((member) => member.request.admitted.served.version.hold());
  try {
    const { outcomes, together, failure } = await dispatcher
      .runBatch(
        {
          graphFile,
          batchGraphFile,
          weights,
          outputs: request.outputs,
          members: members.map(({ request: { inputs, payload } }) => ({ inputs, payload })),
        },
        { turn: run },
      )
      .finally(() => {
        for (const over of overs) over();
      });
    if (failure !== undefined) batches.failed(batching, new Error(failure));
    const ran = outcomes.map((outcome) => (outcome instanceof Error ? outcome : alone(outcome, batching, together)));
    const { startedAtMs } = run;
    measure(context, members, ran, { startedAtMs, together });
    scheduler.finished(job);
    for (const [index, { answer }] of members.entries()) settle(context, model, answer, ran[index], startedAtMs);
  } catch (error) {
    // The worker is gone, and with it all that it had.
    onTailError(model, error);
    for (const { answer } of members) answer.refused(tailFailed());
  }
}

/**
 * What the run took longer for the others in it counts as waiting: so neither k nor what clients learn of the tail is of how many
 * happened to share it.
 */
function alone(outcome: TailOutcome, batching: TailBatching, together: number): TailOutcome {
  if (together === 0) return outcome;
  const tailMs = outcome.tailMs / batching.slowdown(together);
  return { ...outcome, tailMs, sessionMs: outcome.sessionMs + outcome.tailMs - tailMs };
}

/** A run is measured once, whoever shared it: it is one sign of how loaded the edge is. */
function measure(
  { clock, onTail, onRun }: ConnectionContext,
  members: readonly BatchMember[],
  outcomes: readonly (TailOutcome | Error)[],
  { startedAtMs, together }: { readonly startedAtMs: number; readonly together: number },
): void {
  const runs = members.flatMap(({ request: { admitted, receivedAtMs } }, index) => {
    const outcome = outcomes[index];
    if (outcome === undefined || outcome instanceof Error) return [];
    return [{ admitted, outcome, queueMs: Math.max(0, startedAtMs - receivedAtMs) }];
  });
  const [first] = runs;
  if (first === undefined) return;
  const { model, served } = first.admitted;
  if (together > 0) {
    onRun(model, together);
    const queueMs = runs.reduce((sum, run) => sum + run.queueMs, 0) / runs.length;
    const { isFirstRun, tailMs } = first.outcome;
    if (!isFirstRun) onTail(model, served, { queueMs, serviceMs: clock() - startedAtMs, tailMs });
    return;
  }
  for (const { outcome, queueMs } of runs) {
    onRun(model, 1);
    const { isFirstRun, decodeMs, tailMs, encodeMs } = outcome;
    if (!isFirstRun) onTail(model, served, { queueMs, serviceMs: decodeMs + tailMs + encodeMs, tailMs });
  }
}

function settle(
  { onTailError }: ConnectionContext,
  model: string,
  answer: TailAnswer,
  outcome: TailOutcome | Error | undefined,
  startedAtMs: number,
): void {
  try {
    if (outcome === undefined) throw new Error('the worker said nothing of a request');
    if (outcome instanceof Error) throw outcome;
    answer.done(outcome, startedAtMs);
  } catch (error) {
    if (!(error instanceof ProtocolError)) onTailError(model, error);
    answer.refused(error instanceof ProtocolError ? error : tailFailed());
  }
}
