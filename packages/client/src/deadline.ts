import type { Clock } from './clock.js';
import { CutpointError, orAborted, throwIfAborted } from './errors.js';

/** One inference as its caller gave it, from the moment of the call. */
export interface Undertaking {
  readonly startedAtMs: number;
  /** When its result becomes worthless; {@link signal} is aborted then. */
  readonly endMs: number | undefined;
  /** Aborted by the caller, at the deadline, and when the session closes. */
  readonly signal: AbortSignal;
  /** The caller's span. */
  readonly traceparent?: string | undefined;
}

export interface Limits {
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly traceparent?: string | undefined;
  /** Of the session. */
  readonly life: AbortSignal;
  /** What to say of a deadline beyond that it passed. */
  readonly advice?: () => string | undefined;
}

/** The deadline of every inference, where this one brings none. */
export function withDeadline<Options extends Pick<Limits, 'deadlineMs'>>(
  options: Options,
  { deadlineMs }: Pick<Limits, 'deadlineMs'>,
): Options {
  return options.deadlineMs !== undefined || deadlineMs === undefined ? options : { ...options, deadlineMs };
}

/** What `work` gives, or `undefined` when it takes longer. */
export function withinMs<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    work.then(resolve, reject).finally(cancel);
  });
}

/**
 * Does `work`, and settles when it is done, when the caller aborts, at the deadline or when the session closes,
 * whatever stage it is in then.
 * @throws CutpointError `closed`, `aborted`, `deadline_exceeded`, and what `work` throws
 */
export async function withinDeadline<T>(
  clock: Clock,
  { deadlineMs, signal, traceparent, life, advice }: Limits,
  work: (undertaking: Undertaking) => Promise<T>,
): Promise<T> {
  if (life.aborted) throw CutpointError.closed();
  throwIfAborted(signal);
  const startedAtMs = clock.now();
  const late = new AbortController();
  const cancel = deadlineMs === undefined ? undefined : clock.after(deadlineMs, () => late.abort());
  const ends = AbortSignal.any([life, late.signal, ...(signal ? [signal] : [])]);
  const endMs = deadlineMs === undefined ? undefined : startedAtMs + deadlineMs;
  try {
    return await orAborted(work({ startedAtMs, endMs, signal: ends, traceparent }), ends);
  } catch (cause) {
    if (life.aborted) throw CutpointError.closed();
    if (signal?.aborted) throw CutpointError.aborted(signal);
    // What was left for one stage of it says little; the caller knows the whole.
    const ranOut = late.signal.aborted || (cause instanceof CutpointError && cause.code === 'deadline_exceeded');
    if (!ranOut || deadlineMs === undefined) throw cause;
    const more = advice?.();
    const message = `No result within ${deadlineMs} ms.${more === undefined ? '' : ` ${more}`}`;
    throw new CutpointError('deadline_exceeded', message, { cause });
  } finally {
    cancel?.();
  }
}
