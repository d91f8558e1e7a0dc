import { parseArgs } from 'node:util';
import { ModelError, messageOf } from '../models/error.js';
import { DEFAULT_SERVER_OPTIONS, type ServerOptions } from '../server/options.js';

export interface ServeOptions extends Omit<ServerOptions, 'catalog' | 'workers' | 'logLevel'> {
  readonly modelsDir: string;
  readonly storeDir: string;
  /** `undefined`: as many as this machine is good for. */
  readonly workers: number | undefined;
  /** `undefined`: as suits who reads along. */
  readonly logLevel: ServerOptions['logLevel'] | undefined;
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
const MIB = 1024 * 1024;

export const SERVE_USAGE = `cutpoint serve [options]

Serves the models of a repository and the demo page on one port.

  --port <n>              0 for any free one (${DEFAULT_SERVER_OPTIONS.port})
  --host <address>        0.0.0.0 to be reached from elsewhere (${DEFAULT_SERVER_OPTIONS.host})
  --models <folder>       the repository (models)
  --store <folder>        where prepared models are kept (.cutpoint)
  --page <folder>         the built demo page (dist)
  --origin <origin>       a site whose pages may use this edge, besides its own; may be repeated
  --workers <n>           tails that run at a time (CPUs less one)
  --threads <n>           threads within one tail (${DEFAULT_SERVER_OPTIONS.threadsPerWorker})
  --sessions <n>          tails that each worker keeps open (${DEFAULT_SERVER_OPTIONS.sessionsPerWorker})
  --max-queue <n>         requests that may wait (${DEFAULT_SERVER_OPTIONS.maxQueue})
  --max-connections <n>   clients at a time (${DEFAULT_SERVER_OPTIONS.maxConnections})
  --max-in-flight <n>     unanswered requests of one connection (${DEFAULT_SERVER_OPTIONS.maxInFlight})
  --max-request-mib <n>   size of one request (${DEFAULT_SERVER_OPTIONS.maxRequestBytes / MIB})
  --drain-ms <n>          time to finish when stopped (${DEFAULT_SERVER_OPTIONS.drainMs})
  --no-canary             runs no small tails to see whether a load is over (up to 2 % of one worker)
  --log-level <level>     ${LOG_LEVELS.join(', ')} (info; warn on a terminal)`;

/** @throws ModelError `bad_arguments` that names the wrong key or value. */
export function parseServeOptions(argv: readonly string[]): ServeOptions | 'help' {
  const values = parse(argv);
  if (values.help === true) return 'help';
  const defaults = DEFAULT_SERVER_OPTIONS;
  return {
    ...defaults,
    port: integer('port', values.port, 0, 65_535) ?? defaults.port,
    host: values.host ?? defaults.host,
    modelsDir: values.models ?? 'models',
    storeDir: values.store ?? '.cutpoint',
    pageDir: values.page ?? 'dist',
    origins: (values.origin ?? []).map(origin),
    workers: integer('workers', values.workers, 1, 256),
    threadsPerWorker: integer('threads', values.threads, 1, 256) ?? defaults.threadsPerWorker,
    sessionsPerWorker: integer('sessions', values.sessions, 1, 10_000) ?? defaults.sessionsPerWorker,
    maxQueue: integer('max-queue', values['max-queue'], 0, 100_000) ?? defaults.maxQueue,
    maxConnections: integer('max-connections', values['max-connections'], 1, 1_000_000) ?? defaults.maxConnections,
    maxInFlight: integer('max-in-flight', values['max-in-flight'], 1, 10_000) ?? defaults.maxInFlight,
    maxRequestBytes:
      (integer('max-request-mib', values['max-request-mib'], 1, 2048) ?? defaults.maxRequestBytes / MIB) * MIB,
    drainMs: integer('drain-ms', values['drain-ms'], 0, 3_600_000) ?? defaults.drainMs,
    canary: values['no-canary'] !== true,
    logLevel: logLevel(values['log-level']),
  };
}

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean', short: 'h' },
        port: { type: 'string' },
        host: { type: 'string' },
        models: { type: 'string' },
        store: { type: 'string' },
        page: { type: 'string' },
        origin: { type: 'string', multiple: true },
        workers: { type: 'string' },
        threads: { type: 'string' },
        sessions: { type: 'string' },
        'max-queue': { type: 'string' },
        'max-connections': { type: 'string' },
        'max-in-flight': { type: 'string' },
        'max-request-mib': { type: 'string' },
        'drain-ms': { type: 'string' },
        'no-canary': { type: 'boolean' },
        'log-level': { type: 'string' },
      },
    });
    return values;
  } catch (error) {
    throw new ModelError('bad_arguments', messageOf(error), { cause: error });
  }
}

function integer(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new ModelError(
    'bad_arguments',
    `--${name} is ${JSON.stringify(text)}; it must be a whole number from ${least} to ${most}`,
  );
}

function origin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '')
    return url.origin;
  throw new ModelError(
    'bad_arguments',
    `--origin is ${JSON.stringify(text)}; it must look like https://app.example or http://host:5173`,
  );
}

function logLevel(text: string | undefined): ServerOptions['logLevel'] | undefined {
  if (text === undefined) return undefined;
  const level = LOG_LEVELS.find((known) => known === text);
  if (level !== undefined) return level;
  throw new ModelError(
    'bad_arguments',
    `--log-level is ${JSON.stringify(text)}; it must be one of ${LOG_LEVELS.join(', ')}`,
  );
}
