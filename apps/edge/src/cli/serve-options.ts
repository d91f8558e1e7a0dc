import { readAdminTokens, readJwt, readTls, readTokens, readTraces } from '../config/credentials.js';
import { loadSettings, type Settings, settingsUsage } from '../config/load.js';
import { ENVIRONMENT_PREFIX } from '../config/names.js';
import { MIB } from '../config/settings.js';
import { ModelError } from '../models/error.js';
import type { ServerOptions } from '../server/options.js';
import { isLoopbackName } from '../server/origin.js';

export interface ServeOptions extends Omit<ServerOptions, 'catalog' | 'workers' | 'logLevel' | 'stallMs'> {
  readonly modelsDir: string;
  readonly storeDir: string;
  /** So long a version that no edge serves is kept; 0 for ever. */
  readonly storeKeepMs: number;
  /** `undefined`: as many as this machine is good for. */
  readonly workers: number | undefined;
  /** `undefined`: as suits who reads along. */
  readonly logLevel: ServerOptions['logLevel'] | undefined;
  /** What all of this was made of, to be shown. */
  readonly settings: Settings;
}

const DAY_MS = 24 * 3_600_000;

export const SERVE_USAGE = `cutpoint serve [options]

Serves the models of a repository and the demo page on one port. Every option can also stand in the environment
(--max-queue as ${ENVIRONMENT_PREFIX}MAX_QUEUE) or in a JSON file ("maxQueue"): flags win over the environment, that over the file.
What may be given several times is separated by commas in the environment, and an array in the file.

${settingsUsage()}`;

/** @throws ModelError that names the wrong key or value: `bad_arguments` for a flag, `bad_config` for all else. */
export function parseServeOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ServeOptions | 'help' {
  const settings = loadSettings(argv, env);
  if (settings === 'help') return 'help';
  const { values } = settings;
  const tokens = readTokens(values);
  const jwt = readJwt(values);
  const tls = readTls(values);
  if (tokens.length === 0 && jwt === undefined && !values.insecure) mustBeLoopback(values.host);
  return {
    settings,
    port: values.port,
    host: values.host,
    modelsDir: values.models,
    storeDir: values.store,
    storeKeepMs: values.storeDays * DAY_MS,
    pageDir: values.page,
    origins: values.origin,
    tokens,
    adminTokens: readAdminTokens(values),
    ...(jwt === undefined ? {} : { jwt }),
    ...(tls === undefined ? {} : { tls }),
    trustProxy: values.trustProxy,
    workers: values.workers,
    threadsPerWorker: values.threads,
    sessionsPerWorker: values.sessions,
    tailMemoryBytes: values.tailMemoryMib * MIB,
    shareWeights: values.shareWeights,
    providers: values.provider,
    maxBatchSize: values.maxBatchSize,
    batchWaitMs: values.batchWaitMs,
    maxQueue: values.maxQueue,
    defaultDeadlineMs: values.defaultDeadlineMs,
    maxConnections: values.maxConnections,
    maxConnectionsPerClient: values.maxConnectionsPerClient,
    maxSocketsPerClient: values.maxSocketsPerClient,
    maxInFlight: values.maxInFlight,
    maxInFlightPerClient: values.maxInFlightPerClient,
    maxRequestsPerS: values.maxRequestsPerS,
    maxMessagesPerS: values.maxMessagesPerS,
    maxRequestBytes: values.maxRequestMib * MIB,
    maxUploadBytes: values.maxUploadMib * MIB,
    headersMs: values.headersMs,
    uploadIdleMs: values.uploadIdleMs,
    uploadMs: values.uploadMs,
    heartbeatMs: values.heartbeatMs,
    drainMs: values.drainMs,
    modelDrainMs: values.modelDrainMs,
    canary: values.canary,
    demo: values.demo,
    metrics: values.metrics,
    ...readTraces(values),
    logLevel: values.logLevel,
  };
}

/** Whoever can reach the edge can make it work, so it is closed to others until somebody says who they are. */
function mustBeLoopback(host: string): void {
  if (isLoopbackName(host)) return;
  throw new ModelError(
    'bad_config',
    `host is ${JSON.stringify(host)}, which others than this machine can reach: set a token (${ENVIRONMENT_PREFIX}TOKEN, --token-file, ` +
      '--jwt-keys), or say --insecure to let everybody in',
  );
}
