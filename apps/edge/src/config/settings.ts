import { isIP } from 'node:net';
import { PROVIDERS, SHARE_WEIGHTS } from '../dispatcher/dispatcher.js';
import { isTokenText, TOKEN_TEXT } from '../server/access/static-tokens.js';
import { DEFAULT_SERVER_OPTIONS as DEFAULTS, METRICS_ACCESS } from '../server/options.js';
import { choice, integer, list, path, type Setting, text, toggle } from './setting.js';

export const MIB = 1024 * 1024;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'silent'] as const;
const HOUR_MS = 3_600_000;
/** Where collectors take spans, below their address. */
export const TRACES_PATH = '/v1/traces';
/** A name, and a value without control characters. */
const HEADER = /^[\w!#$%&'*+.^`|~-]+=[\x20-\x7e]+$/;

/** Everything that can be set, in the order of the usage and of docs/operating.md. */
export const SETTINGS = {
  port: integer(0, 65_535, { fallback: DEFAULTS.port, help: '0 for any free one' }),
  host: text('address', { fallback: DEFAULTS.host, help: '0.0.0.0 to be reached from elsewhere: see token' }),
  models: path('folder', { fallback: 'models', help: 'the repository' }),
  store: path('folder', { fallback: '.cutpoint', help: 'where prepared models are kept' }),
  storeDays: integer(0, 3_650, {
    fallback: 7,
    help: 'a version of a model that no edge served for so many days goes from the store; 0 keeps all',
  }),
  page: path('folder', { fallback: 'dist', help: 'the built demo page' }),

  token: list(
    {
      placeholder: 'token',
      expected: TOKEN_TEXT,
      accept: (item) => (isTokenText(item) ? item : undefined),
      isSecret: true,
    },
    'what clients must show; the environment or a file hides it better than a flag',
  ),
  tokenFile: path('file', { fallback: undefined, help: 'tokens, one a line' }),
  adminToken: list(
    {
      placeholder: 'token',
      expected: TOKEN_TEXT,
      accept: (item) => (isTokenText(item) ? item : undefined),
      isSecret: true,
    },
    'what operators must show to load and unload models over HTTP; good for all that clients may, too',
  ),
  adminTokenFile: path('file', { fallback: undefined, help: 'the same, one a line' }),
  jwtKeys: path('file', { fallback: undefined, help: 'public keys (PEM or JWKS) whose JWTs are taken as tokens' }),
  jwtAudience: text('name', { fallback: undefined, help: 'the `aud` that a JWT must have; needed with jwtKeys' }),
  jwtIssuer: text('name', { fallback: undefined, help: 'the `iss` that a JWT must have' }),
  insecure: toggle({ fallback: false, help: 'lets everybody in who reaches the address, without a token' }),
  origin: list(
    {
      placeholder: 'origin',
      expected: 'like https://app.example or http://host:5173',
      accept: acceptedOrigin,
    },
    'a site whose pages may use this edge, besides its own',
  ),
  tlsCert: path('file', { fallback: undefined, help: 'certificate chain (PEM): serve https and wss' }),
  tlsKey: path('file', { fallback: undefined, help: 'its private key (PEM)' }),
  trustProxy: list(
    {
      placeholder: 'address',
      expected: 'IP addresses or subnets, like 10.0.0.0/8',
      accept: (item) => (isAddressOrSubnet(item) ? item : undefined),
    },
    'proxies whose X-Forwarded-For is believed',
  ),

  workers: integer(1, 256, { fallback: undefined, help: 'tails that run at a time (CPUs less one)' }),
  threads: integer(1, 256, { fallback: DEFAULTS.threadsPerWorker, help: 'threads within one tail' }),
  sessions: integer(1, 10_000, { fallback: DEFAULTS.sessionsPerWorker, help: 'tails that each worker keeps open' }),
  tailMemoryMib: integer(1, 1_048_576, {
    fallback: DEFAULTS.tailMemoryBytes / MIB,
    help: 'what the open tails of all workers may hold, as estimated, without weights that they share',
  }),
  shareWeights: choice('when', SHARE_WEIGHTS, {
    fallback: DEFAULTS.shareWeights,
    help: 'whether tails share the mapped weights: measured (where that costs a model no time), always, never',
  }),
  provider: list(
    {
      placeholder: 'name',
      expected: PROVIDERS.join(', '),
      accept: (item) => PROVIDERS.find((known) => known === item),
    },
    'an execution provider for tails, the best first: webgpu, cuda, cpu; where all fail, the CPU runs them',
  ),
  canary: toggle({
    fallback: DEFAULTS.canary,
    help: 'small tails that tell when a load is over (up to 2 % of one worker)',
  }),

  maxBatchSize: integer(1, 64, {
    fallback: DEFAULTS.maxBatchSize,
    help: 'requests of one tail that may share a run, where that was found to pay; 1 for none',
  }),
  batchWaitMs: integer(0, 10_000, {
    fallback: DEFAULTS.batchWaitMs,
    help: 'a request may wait this long for others to share its run, where that pays',
  }),
  maxQueue: integer(0, 100_000, { fallback: DEFAULTS.maxQueue, help: 'requests that may wait' }),
  defaultDeadlineMs: integer(1, HOUR_MS, {
    fallback: DEFAULTS.defaultDeadlineMs,
    help: 'a request that names no deadline is given up after this long',
  }),
  maxConnections: integer(1, 1_000_000, { fallback: DEFAULTS.maxConnections, help: 'WebSockets at a time' }),
  maxConnectionsPerClient: integer(1, 1_000_000, {
    fallback: DEFAULTS.maxConnectionsPerClient,
    help: 'WebSockets of one client at a time',
  }),
  maxSocketsPerClient: integer(1, 1_000_000, {
    fallback: DEFAULTS.maxSocketsPerClient,
    help: 'sockets of one client at a time on which it asks over HTTP, WebSockets not counted',
  }),
  maxInFlight: integer(1, 10_000, { fallback: DEFAULTS.maxInFlight, help: 'unanswered requests of one WebSocket' }),
  maxInFlightPerClient: integer(1, 1_000_000, {
    fallback: DEFAULTS.maxInFlightPerClient,
    help: 'unanswered requests of one client, on all its WebSockets',
  }),
  maxRequestsPerS: integer(1, 1_000_000, {
    fallback: DEFAULTS.maxRequestsPerS,
    help: 'HTTP requests of one address in a second; more are answered 429',
  }),
  maxMessagesPerS: integer(1, 10_000_000, {
    fallback: DEFAULTS.maxMessagesPerS,
    help: 'WebSocket messages of one client in a second; more are read later',
  }),
  maxRequestMib: integer(1, 2048, { fallback: DEFAULTS.maxRequestBytes / MIB, help: 'size of one request' }),
  maxUploadMib: integer(1, 65_536, {
    fallback: DEFAULTS.maxUploadBytes / MIB,
    help: 'request bytes held at a time, over all clients',
  }),
  headersMs: integer(100, HOUR_MS, {
    fallback: DEFAULTS.headersMs,
    help: 'a socket that has not said what it wants after this long is closed',
  }),
  uploadIdleMs: integer(10, HOUR_MS, { fallback: DEFAULTS.uploadIdleMs, help: 'an upload may pause this long' }),
  uploadMs: integer(10, HOUR_MS, { fallback: DEFAULTS.uploadMs, help: 'and take this long in all' }),
  heartbeatMs: integer(100, HOUR_MS, {
    fallback: DEFAULTS.heartbeatMs,
    help: 'a WebSocket that answers no ping for this long is closed',
  }),
  drainMs: integer(0, HOUR_MS, { fallback: DEFAULTS.drainMs, help: 'time to finish what runs when stopped' }),
  modelDrainMs: integer(0, HOUR_MS, {
    fallback: DEFAULTS.modelDrainMs,
    help: 'clients may finish with the version of a model that was replaced for this long',
  }),
  demo: toggle({
    fallback: DEFAULTS.demo,
    help: 'lets clients put load on this edge and slow their link to it, for demonstrations',
  }),
  metrics: choice('whom', METRICS_ACCESS, {
    fallback: DEFAULTS.metrics,
    help: 'who may read /metrics: clients (with a token, where there are any), everybody, nobody',
  }),
  traces: {
    ...text('address', {
      fallback: undefined,
      help: 'a collector that gets spans of inferences, OTLP over HTTP: http://localhost:4318; nobody gets any without it',
    }),
    expected: 'an http or https address without a password, like http://localhost:4318',
    accept: (json: unknown) => (typeof json === 'string' ? acceptedCollector(json) : undefined),
  },
  tracesHeader: list(
    {
      placeholder: 'name=value',
      expected: 'like authorization=Bearer abc',
      accept: (item) => (HEADER.test(item) ? item : undefined),
      isSecret: true,
    },
    'a header that the collector wants to see; the environment or a file hides it better than a flag',
  ),
  logLevel: choice('level', LOG_LEVELS, {
    fallback: undefined,
    help: `${LOG_LEVELS.join(', ')} (info; warn on a terminal)`,
  }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValues = {
  readonly [K in SettingKey]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;
};

export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** The setting behind a key, with its type forgotten: for code that treats all alike. */
export function settingOf(key: SettingKey): Setting<unknown> {
  return SETTINGS[key];
}

/** What is sent to an address without a path goes to the path that collectors listen on. */
function acceptedCollector(item: string): string | undefined {
  const url = URL.canParse(item) ? new URL(item) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return undefined;
  }
  if (url.pathname === '/') url.pathname = TRACES_PATH;
  return url.href;
}

function acceptedOrigin(item: string): string | undefined {
  const url = URL.canParse(item) ? new URL(item) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '';
  return isOrigin ? url.origin : undefined;
}

function isAddressOrSubnet(item: string): boolean {
  const [address = '', bits, ...rest] = item.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}
