import { checkExpectedTensors, checkTensorHeaders, type InferMessage, ProtocolError } from '@cutpoint/protocol';
import type { Owners } from '../scheduler/shared-use.js';
import type { ServedModels } from '../server/catalog.js';
import type { ServedCut } from '../server/served-version.js';

import type { ConnectionContext, ConnectionLimits } from './context.js';

/** The tail of a request that was found right; nothing of it has been allocated yet. */
export interface Admitted {
  readonly model: string;
  readonly served: ServedCut;
  readonly graphFile: string;
}

/** Who wants to have a request taken. */
interface Asking {
  /** In whose name it is queued, and its bytes are held. */
  readonly owners: Owners;
  /** Unanswered requests of this connection, */
  readonly unanswered: number;
  /** and of its client, this connection included. */
  readonly ofClient: number;
}

/** Takes a request or says why not; its bytes are then held. */
export function admit(
  message: InferMessage,
  { limits, models, scheduler, uploads, isStopping }: ConnectionContext,
  { owners, unanswered, ofClient }: Asking,
): Admitted | ProtocolError {
  if (isStopping()) return stopping();
  if (unanswered >= limits.maxInFlight) {
    return new ProtocolError('too_many_in_flight', `${unanswered} requests are unanswered, the limit`);
  }
  const admitted = tooManyOfClient(ofClient, limits) ?? checkRequest(message, models, limits.maxRequestBytes);
  if (admitted instanceof ProtocolError) return admitted;
  const refusal = scheduler.refusal(owners);
  if (refusal !== undefined) return refusal;
  switch (uploads.take(owners, message.numBytes)) {
    case 'beyond-share':
      return new ProtocolError(
        'too_many_in_flight',
        `${message.numBytes} bytes more are beyond what one client, or one of its connections, may have unanswered; wait for an answer`,
      );
    case 'beyond-all':
      return new ProtocolError('overloaded', 'too many bytes are being uploaded to this edge; try again later');
    case 'taken':
      return admitted;
  }
}

/** @param unanswered requests of one client, on all its connections. */
export function tooManyOfClient(
  unanswered: number,
  { maxInFlightPerClient }: Pick<ConnectionLimits, 'maxInFlightPerClient'>,
): ProtocolError | undefined {
  if (unanswered < maxInFlightPerClient) return undefined;
  return new ProtocolError(
    'too_many_in_flight',
    `${unanswered} requests of this client are unanswered, the limit of all its connections together`,
  );
}

export function stopping(): ProtocolError {
  return new ProtocolError('shutting_down', 'this edge is stopping; finish locally and connect again later');
}

/** Finds the tail that a message names, or says why there is none. */
export function findTail(
  { model, table, cut }: Pick<InferMessage, 'model' | 'table' | 'cut'>,
  models: ServedModels,
): Admitted | ProtocolError {
  const entry = models.catalog.get(model);
  if (entry === undefined) {
    const names = models.catalog.list().map(({ name }) => name);
    return new ProtocolError(
      'unknown_model',
      `this edge has no model ${JSON.stringify(model)}; it has: ${names.join(', ') || 'none'}`,
    );
  }
  if (entry.prepared === undefined) {
    return new ProtocolError(
      'model_not_ready',
      `the model ${entry.name} is ${entry.status}${entry.reason === undefined ? '' : `: ${entry.reason}`}`,
    );
  }
  const version = models.withTable(entry.name, table);
  if (version === undefined) {
    return new ProtocolError(
      'stale_manifest',
      `the model ${entry.name} has no cut table ${table}; fetch its manifest again`,
    );
  }
  const served = version.cut(table, cut);
  if (served === undefined) {
    return new ProtocolError('unknown_cut', `the cut table has no cut ${cut}`);
  }
  if (served.graphFile === undefined) {
    return new ProtocolError('unknown_cut', `cut ${cut} is the local one; there is nothing to run at the edge`);
  }
  return { model: entry.name, served, graphFile: served.graphFile };
}

/** Checks everything that an `infer` says against what is served. */
function checkRequest(message: InferMessage, models: ServedModels, maxRequestBytes: number): Admitted | ProtocolError {
  const found = findTail(message, models);
  if (found instanceof ProtocolError) return found;
  if (message.numBytes > maxRequestBytes) {
    return new ProtocolError(
      'too_large',
      `a request of ${message.numBytes} bytes; at most ${maxRequestBytes} are taken; choose another cut`,
    );
  }
  const { crossing } = found.served;
  return (
    checkTensorHeaders(message.tensors, message.numBytes) ?? checkExpectedTensors(message.tensors, crossing) ?? found
  );
}
