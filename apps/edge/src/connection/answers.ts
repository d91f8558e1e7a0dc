import type { EdgeMessage, EdgeTimings, LoadReport, ProtocolError, ProtocolErrorCode } from '@cutpoint/protocol';
import type { TailOutcome } from '../dispatcher/dispatcher.js';
import type { Request } from './request.js';

/** The queue is not all that can be full. */
const LEAST_RETRY_MS = 50;

/** What a client is told whose tail ran; its outputs follow in chunks. */
export function resultMessage(
  { id, assembler, admitted }: Request,
  { tensors, payload }: TailOutcome,
  timings: EdgeTimings,
  load: LoadReport,
): EdgeMessage {
  return {
    type: 'result',
    id,
    tensors: [...tensors],
    numBytes: payload.byteLength,
    timings,
    arrivals: assembler.arrivals,
    ...(admitted.served.version.isFormer && { stale: true }),
    load,
  };
}

/** What a client is told instead. */
export function errorMessage(id: number, error: ProtocolError, load: LoadReport): EdgeMessage {
  return { type: 'error', id, message: error.message, ...refusalOf(error, load) };
}

/** What a program reads of a refusal. */
export function refusalOf(
  { code }: ProtocolError,
  load: LoadReport,
): { readonly code: ProtocolErrorCode; readonly load: LoadReport; readonly retryAfterMs?: number } {
  // By then what waits now has been served.
  return { code, load, ...(code === 'overloaded' && { retryAfterMs: Math.max(LEAST_RETRY_MS, load.queueMs) }) };
}
