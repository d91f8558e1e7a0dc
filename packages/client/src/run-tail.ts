import { Tensor } from 'onnxruntime-common';
import type { SharedEdge } from './edge.js';
import { CutpointError, orAborted } from './errors.js';
import type { Finished, FinishTime, Rescue, Unfinished } from './rescue/rescue.js';
import { tensorOf } from './tensors.js';
import type { TailReply, TailRequest } from './transport/requests.js';

export interface TailRun {
  readonly request: TailRequest & { readonly signal: AbortSignal };
  /** What the edge is asked to finish, kept until it has. */
  readonly unfinished: Unfinished;
  readonly rescue: Rescue;
  /** Tries of this inference that the edge failed before. */
  readonly failures: number;
}

/** How a tail ended: at the edge, or here. */
export type TailOutcome =
  | { readonly reply: TailReply; readonly edgeUrl: string; readonly outputs: Record<string, Tensor> }
  | { readonly finished: Finished };

/**
 * Has the edge run a tail. When it fails, or leaves only the time that finishing here takes, what was sent is finished
 * here, if what that takes is here.
 */
export async function runTail(edge: SharedEdge, run: TailRun): Promise<TailOutcome> {
  const { request, unfinished, rescue, failures } = run;
  const { signal, deadlineMs = Number.POSITIVE_INFINITY } = request;
  const endMs = edge.clock.now() + deadlineMs;
  const settled = new AbortController();
  const either = AbortSignal.any([signal, settled.signal]);
  let finishing: Promise<TailOutcome | undefined> | undefined;
  const finishHere = () => {
    finishing ??= rescue.finish(unfinished, either).then((finished) => finished && { finished });
    return finishing;
  };
  try {
    return await Promise.race([
      askEdge(edge, { ...request, signal: either }, unfinished.cut.tailOutputs),
      finishedLate(edge, run, { endMs, signal: either }, finishHere),
    ]);
  } catch (error) {
    if (signal.aborted || !isForRescue(error, failures)) throw error;
    // The edge gives up early what it cannot make; that is no reason to begin what cannot be made here either.
    if (isLate(error) && !isInTime(await rescue.timeFor(unfinished), endMs - edge.clock.now())) throw error;
    const outcome = await orAborted(finishHere(), signal);
    if (!outcome) throw error;
    return outcome;
  } finally {
    settled.abort();
  }
}

async function askEdge(edge: SharedEdge, request: TailRequest, names: readonly string[]): Promise<TailOutcome> {
  const edgeUrl = edge.baseUrl.href;
  const reply = await edge.connection.request(request);
  const outputs: Record<string, Tensor> = {};
  for (const tensor of reply.tensors) outputs[tensor.header.name] = tensorOf(Tensor, tensor);
  const missing = names.find((name) => outputs[name] === undefined);
  if (missing !== undefined) {
    throw new CutpointError('edge_error', `The edge's reply has no output "${missing}".`, { edgeCode: 'bad_tensors' });
  }
  return { reply, edgeUrl, outputs };
}

/** Settles only with a result: when it cannot be had here the edge still has its time. */
function finishedLate(
  { clock }: SharedEdge,
  { unfinished, rescue }: TailRun,
  { endMs, signal }: { readonly endMs: number; readonly signal: AbortSignal },
  finishHere: () => Promise<TailOutcome | undefined>,
): Promise<TailOutcome> {
  return new Promise((resolve) => {
    if (endMs === Number.POSITIVE_INFINITY) return;
    const begin = (time: FinishTime | undefined) => {
      const leftMs = endMs - clock.now();
      // What would be late as well is not begun: the next inference would wait for the end of it.
      if (!isInTime(time, leftMs) || signal.aborted) return;
      const cancel = clock.after(Math.max(0, leftMs - time.ampleMs), () => {
        finishHere().then(
          (outcome) => outcome && resolve(outcome),
          () => {},
        );
      });
      signal.addEventListener('abort', cancel, { once: true });
    };
    rescue.timeFor(unfinished).then(begin, () => {});
  });
}

function isInTime(time: FinishTime | undefined, leftMs: number): time is FinishTime {
  return time !== undefined && time.expectedMs <= leftMs;
}

function isLate(error: unknown): boolean {
  return error instanceof CutpointError && error.code === 'deadline_exceeded';
}

/** Failures that another try at the edge would not mend, or did not. */
function isForRescue(error: unknown, failures: number): boolean {
  if (!(error instanceof CutpointError)) return false;
  switch (error.code) {
    case 'edge_unreachable':
    case 'deadline_exceeded':
      return true;
    case 'overloaded':
    case 'model_not_ready':
      return failures > 0;
    case 'edge_error':
      return failures > 0 && (error.edgeCode === 'tail_failed' || error.edgeCode === 'upload_timeout');
    default:
      return false;
  }
}
