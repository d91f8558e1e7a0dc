import type { Provider, ShareWeights } from '../dispatcher/dispatcher.js';
import type { TracesOptions } from '../traces/options.js';
import type { AccessOptions } from './access/authenticator.js';
import type { ModelCatalog } from './catalog.js';

/** PEM texts. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
}

export const METRICS_ACCESS = ['clients', 'everybody', 'nobody'] as const;
export type MetricsAccess = (typeof METRICS_ACCESS)[number];

export interface ServerOptions extends AccessOptions {
  readonly catalog: ModelCatalog;
  /** 0 for any free one. */
  readonly port: number;
  readonly host: string;
  /** Folder of the built demo page; without it `/` says how to build it. */
  readonly pageDir?: string;
  /** Origins other than the edge's own that may use it from a browser, for example `https://app.example`. */
  readonly origins: readonly string[];
  /** Serves https and wss. */
  readonly tls?: TlsOptions;
  /** Addresses and subnets of proxies that say in X-Forwarded-For for whom they ask. */
  readonly trustProxy: readonly string[];
  /** Tails that run at a time. */
  readonly workers: number;
  /** onnxruntime's threads within one tail. Tails were timed with one. */
  readonly threadsPerWorker: number;
  /** Tails that each worker keeps open. */
  readonly sessionsPerWorker: number;
  /** Bytes that the open tails of all workers may hold, weights that they share not counted. */
  readonly tailMemoryBytes: number;
  /** Execution providers for tails, the best first. One that fails is told once, and the next one takes over; after the last comes the CPU. */
  readonly providers: readonly Provider[];
  /** Whether tails share their weights: as is best for each model, always, or never. */
  readonly shareWeights: ShareWeights;
  /** Requests of one tail that may share a run, where that was found to pay; 1 for none. */
  readonly maxBatchSize: number;
  /** A request may wait so long for others to share its run, where that pays. */
  readonly batchWaitMs: number;
  /** Requests that may wait for a worker; one more is answered `overloaded`. */
  readonly maxQueue: number;
  /** A request that names no deadline is dropped when it cannot be done this long after it came. */
  readonly defaultDeadlineMs: number;
  /** Unanswered requests of one connection. */
  readonly maxInFlight: number;
  /** The same of one client, on all its connections. A client is an address, or the subject of a JWT. */
  readonly maxInFlightPerClient: number;
  /** HTTP requests of one address in a second; more are answered 429. */
  readonly maxRequestsPerS: number;
  /** WebSocket messages of one client in a second; more are read later. */
  readonly maxMessagesPerS: number;
  /** Payload bytes of one request. */
  readonly maxRequestBytes: number;
  /** WebSockets at a time; one more is refused. */
  readonly maxConnections: number;
  /** WebSockets of one client at a time. */
  readonly maxConnectionsPerClient: number;
  /** Sockets of one client on which it asks over HTTP; on one more it is answered 429, and that is closed. Those of proxies are nobody's. */
  readonly maxSocketsPerClient: number;
  /** Payload bytes held at a time; a quarter of it at most (or one request) by one client, half of that by one of its connections. */
  readonly maxUploadBytes: number;
  /**
   * From the opening of a socket, or the first byte of a request on it, until the request's headers are whole; its body has the time of
   * an upload.
   */
  readonly headersMs: number;
  /** An upload in which nothing comes for this long is given up. */
  readonly uploadIdleMs: number;
  /** So is one that takes this long in all. */
  readonly uploadMs: number;
  /** A client that reads nothing of an answer for this long is given up. */
  readonly stallMs: number;
  /** A connection that does not answer a ping within this time is closed. */
  readonly heartbeatMs: number;
  /** What runs when the edge is stopped may take this long to finish. */
  readonly drainMs: number;
  /** When a model has a new version, requests with the cut tables of the one before are taken for so long at most. */
  readonly modelDrainMs: number;
  /** Runs a small tail now and then while nothing else measures the load, so that clients know when it is over. */
  readonly canary: boolean;
  /** Clients may put load on the edge and slow their link to it. */
  readonly demo: boolean;
  /** Who may read the metrics: whoever may use the edge, everybody who reaches it, or nobody. */
  readonly metrics: MetricsAccess;
  /** Where spans of inferences go; without it there are none. */
  readonly traces?: TracesOptions;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
}

export const DEFAULT_SERVER_OPTIONS = Object.freeze({
  port: 8080,
  host: '127.0.0.1',
  origins: [],
  tokens: [],
  adminTokens: [],
  trustProxy: [],
  workers: 1,
  threadsPerWorker: 1,
  sessionsPerWorker: 12,
  tailMemoryBytes: 2 * 1024 ** 3,
  providers: [],
  shareWeights: 'measured',
  maxBatchSize: 8,
  batchWaitMs: 0,
  maxQueue: 64,
  defaultDeadlineMs: 30_000,
  maxInFlight: 8,
  maxInFlightPerClient: 1024,
  maxRequestsPerS: 1000,
  maxMessagesPerS: 20_000,
  maxRequestBytes: 32 * 1024 * 1024,
  maxConnections: 256,
  maxConnectionsPerClient: 128,
  maxSocketsPerClient: 256,
  maxUploadBytes: 256 * 1024 * 1024,
  headersMs: 30_000,
  uploadIdleMs: 10_000,
  uploadMs: 120_000,
  stallMs: 30_000,
  heartbeatMs: 15_000,
  drainMs: 5_000,
  modelDrainMs: 60_000,
  canary: true,
  demo: false,
  metrics: 'clients',
  logLevel: 'info',
} as const satisfies Omit<ServerOptions, 'catalog'>);

/**
 * onnxruntime's WebGPU provider has one device for the whole process, and two threads that run on it at once spoil each other's
 * commands ("Command encoding already finished"): with it, one tail runs at a time.
 */
export function usableWorkers({ providers, workers }: Pick<ServerOptions, 'providers' | 'workers'>): number {
  return providers.includes('webgpu') ? 1 : workers;
}
