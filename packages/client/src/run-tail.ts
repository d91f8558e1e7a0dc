import type { Tensor } from 'onnxruntime-common';
import type { SharedEdge } from './edge.js';
import { CutpointError, orAborted } from './errors.js';
import type { Finished, Rescue, Unfinished } from './rescue/rescue.js';
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
  | { readonly reply: TailReply; readonly outputs: Record<string, Tensor> }
  | { readonly finished: Finished };

/**
 * Has the edge run a tail. When it fails, or leaves only the time that finishing here takes, what was sent is finished
 * here, if what that takes is here.
 */
export async function runTail(edge: SharedEdge, run: TailRun): Promise<TailOutcome> {
  const { request, unfinished, rescue, failures } = run;
  const { signal } = request;
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
      finishedLate(edge, run, either, finishHere),
    ]);
  } catch (error) {
    if (signal.aborted || !isForRescue(error, failures)) throw error;
    const outcome = await orAborted(finishHere(), signal);
    if (!outcome) throw error;
    return outcome;
  } finally {
    settled.abort();
  }
}

async function askEdge(edge: SharedEdge, request: TailRequest, names: readonly string[]): Promise<TailOutcome> {
  const reply = await edge.connection.request(request);
  const outputs: Record<string, Tensor> = {};
  for (const tensor of reply.tensors) outputs[tensor.header.name] = tensorOf(tensor);
  const missing = names.find((name) => outputs[name] === undefined);
  if (missing !== undefined) {
    throw new CutpointError('edge_error', `The edge's reply has no output "${missing}".`, { edgeCode: 'bad_tensors' });
  }
  return { reply, outputs };
}

/** Settles only with a result: when it cannot be had here the edge still has its time. */
function finishedLate(
  { clock }: SharedEdge,
  { request: { deadlineMs }, unfinished, rescue }: TailRun,
  signal: AbortSignal,
  finishHere: () => Promise<TailOutcome | undefined>,
): Promise<TailOutcome> {
  return new Promise((resolve) => {
    if (deadlineMs === undefined) return;
    const endMs = clock.now() + deadlineMs;
    const begin = (neededMs: number | undefined) => {
      if (neededMs === undefined || signal.aborted) return;
      const cancel = clock.after(Math.max(0, endMs - neededMs - clock.now()), () => {
        finishHere().then(
          (outcome) => outcome && resolve(outcome),
          () => {},
        );
      });
      signal.addEventListener('abort', cancel, { once: true });
    };
    rescue.neededMs(unfinished).then(begin, () => {});
  });
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
