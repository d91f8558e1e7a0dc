import type { Trace } from './session.js';
import type { RunOutcome } from './variant-runner.js';

/** `plan` is absent where nothing was decided. */
type Traced = Omit<RunOutcome, 'plan' | 'outputs'> & Partial<Pick<RunOutcome, 'plan'>>;

export interface TraceFacts {
  readonly id: number;
  readonly model: string;
  readonly variant: string;
  readonly startedAtMs: number;
  readonly traceparent: string | undefined;
  readonly endedAtMs: number;
  readonly resizeMs: number;
}

/** The record of one inference. What no stage explains is `otherMs`: round trip, framing, waiting, earlier tries. */
export function traceOf(facts: TraceFacts, outcome: Traced): Trace {
  const { endedAtMs, ...known } = facts;
  const { startedAtMs, resizeMs } = known;
  const { plan, cut, codec, waitMs, encodeMs, bytesUp, reply, edgeUrl, finished, rescued } = outcome;
  const headMs = finished?.kind === 'feeds' ? finished.runMs : outcome.headMs;
  const totalMs = endedAtMs - startedAtMs;
  const uploadMs = reply?.timings.uploadMs ?? 0;
  const queueMs = reply?.timings.queueMs ?? 0;
  const decodeMs = reply?.timings.decodeMs ?? 0;
  const tailMs = reply?.timings.tailMs ?? (finished?.kind === 'tail' ? finished.runMs : 0);
  const downloadMs = reply?.downloadMs ?? 0;
  const explainedMs = resizeMs + waitMs + headMs + encodeMs + uploadMs + queueMs + decodeMs + tailMs + downloadMs;
  return {
    ...known,
    ...(plan === undefined ? {} : { plan }),
    cut,
    codec,
    ...(rescued === undefined ? {} : { rescued }),
    waitMs,
    headMs,
    encodeMs,
    uploadMs,
    queueMs,
    decodeMs,
    tailMs,
    downloadMs,
    otherMs: Math.max(0, totalMs - explainedMs),
    totalMs,
    bytesUp,
    bytesDown: reply?.numBytes ?? 0,
    ...(edgeUrl === undefined ? {} : { edgeUrl }),
    ...(reply ? { edge: reply.timings, arrivals: reply.arrivals } : {}),
  };
}
