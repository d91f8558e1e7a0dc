import type { LoadReport } from '@cutpoint/protocol';
import type { Batches } from '../batching/batches.js';
import type { Dispatcher } from '../dispatcher/dispatcher.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { ServedModels } from '../server/catalog.js';
import type { ServedCut } from '../server/served-version.js';
import type { Clients } from './clients.js';
import type { SettledRequest } from './settled.js';
import type { UploadBudget } from './upload-budget.js';

export interface ConnectionLimits {
  readonly maxInFlight: number;
  /** Of a request that names none. */
  readonly defaultDeadlineMs: number;
  /** Unanswered requests of one client, on all its connections. */
  readonly maxInFlightPerClient: number;
  /** Messages of one client in a second, on all its connections; more are read later. */
  readonly maxMessagesPerS: number;
  readonly maxRequestBytes: number;
  /** An upload may pause this long, as may a reservation wait for its request, */
  readonly uploadIdleMs: number;
  /** and an upload may take this long in all. */
  readonly uploadMs: number;
  /** A client that reads nothing of what it asked for in so long is given up. */
  readonly stallMs: number;
}

/** What one run of a tail took, in ms. */
export interface MeasuredTail {
  /** It waited for a worker, */
  readonly queueMs: number;
  /** kept it, decoding and encoding included, */
  readonly serviceMs: number;
  /** and ran. */
  readonly tailMs: number;
}

/** What all connections of one edge share. */
export interface ConnectionContext {
  readonly models: ServedModels;
  readonly scheduler: Scheduler;
  readonly dispatcher: Dispatcher;
  readonly batches: Batches;
  readonly uploads: UploadBudget;
  readonly clients: Clients;
  readonly limits: ConnectionLimits;
  /** Monotonic, in ms. */
  readonly clock: () => number;
  readonly load: () => LoadReport;
  /** As it was a moment ago, which costs nothing to say again: for refusals. */
  readonly recentLoad: () => LoadReport;
  /** ms that the tail of a cut takes on an idle edge, by all that is known. */
  readonly idleTailMs: (served: ServedCut) => number;
  /** A tail ran, and not for the first time. */
  readonly onTail: (model: string, served: ServedCut, measured: MeasuredTail) => void;
  /** A worker ran the tails of so many requests at once; 1 for most. */
  readonly onRun: (model: string, size: number) => void;
  readonly onTailError: (model: string, error: unknown) => void;
  /** Called once for every `infer`. */
  readonly onSettled: (settled: SettledRequest) => void;
  /** The system has taken the whole answer, so long after the `infer` was announced. Not called when its client was gone before. */
  readonly onWritten: (model: string, tookMs: number) => void;
  /** Something went wrong that no message of a client should bring about. */
  readonly onDefect: (error: unknown) => void;
  readonly isStopping: () => boolean;
}
