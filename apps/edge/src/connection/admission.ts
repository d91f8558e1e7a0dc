import { checkExpectedTensors, checkTensorHeaders, type InferMessage, ProtocolError } from '@cutpoint/protocol';
import type { ServedCut, ServedModels } from '../server/catalog.js';
import type { ConnectionContext } from './context.js';

/** A request that was found right; nothing of it has been allocated yet. */
export interface Admitted {
  readonly model: string;
  readonly served: ServedCut;
  readonly graphFile: string;
}

/**
 * Takes a request or says why not; its bytes are then held in the name of `holder`.
 * @param unanswered requests of this connection.
 */
export function admit(
  message: InferMessage,
  { limits, models, scheduler, uploads, isStopping }: ConnectionContext,
  { holder, unanswered }: { readonly holder: object; readonly unanswered: number },
): Admitted | ProtocolError {
  if (isStopping()) return stopping();
  if (unanswered >= limits.maxInFlight) {
    return new ProtocolError('too_many_in_flight', `${unanswered} requests are unanswered, the limit`);
  }
  const admitted = check(message, models, limits.maxRequestBytes);
  if (admitted instanceof ProtocolError) return admitted;
  const refusal = scheduler.refusal();
  if (refusal !== undefined) return refusal;
  switch (uploads.take(holder, message.numBytes)) {
    case 'beyond-share':
      return new ProtocolError(
        'too_many_in_flight',
        `${message.numBytes} bytes more are beyond what one connection may have unanswered; wait for an answer`,
      );
    case 'beyond-all':
      return new ProtocolError('overloaded', 'too many bytes are being uploaded to this edge; try again later');
    case 'taken':
      return admitted;
  }
}

export function stopping(): ProtocolError {
  return new ProtocolError('shutting_down', 'this edge is stopping; finish locally and connect again later');
}

/** Checks everything that an `infer` says against what is served. */
function check(message: InferMessage, models: ServedModels, maxRequestBytes: number): Admitted | ProtocolError {
  const entry = models.catalog.get(message.model);
  if (entry === undefined) {
    const names = models.catalog.list().map(({ name }) => name);
    return new ProtocolError(
      'unknown_model',
      `this edge has no model ${JSON.stringify(message.model)}; it has: ${names.join(', ') || 'none'}`,
    );
  }
  if (entry.prepared === undefined) {
    return new ProtocolError(
      'model_not_ready',
      `the model ${entry.name} is ${entry.status}${entry.reason === undefined ? '' : `: ${entry.reason}`}`,
    );
  }
  if (!entry.prepared.tables.has(message.table)) {
    return new ProtocolError(
      'stale_manifest',
      `the model ${entry.name} has no cut table ${message.table}; fetch its manifest again`,
    );
  }
  const served = models.cut(entry.prepared, message.table, message.cut);
  if (served === undefined) {
    return new ProtocolError('unknown_cut', `the cut table has no cut ${message.cut}`);
  }
  if (served.graphFile === undefined) {
    return new ProtocolError('unknown_cut', `cut ${message.cut} is the local one; there is nothing to run at the edge`);
  }
  if (message.numBytes > maxRequestBytes) {
    return new ProtocolError(
      'too_large',
      `a request of ${message.numBytes} bytes; at most ${maxRequestBytes} are taken; choose another cut`,
    );
  }
  const wrong =
    checkTensorHeaders(message.tensors, message.numBytes) ?? checkExpectedTensors(message.tensors, served.crossing);
  return wrong ?? { model: entry.name, served, graphFile: served.graphFile };
}
