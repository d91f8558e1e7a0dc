import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadSettings, redacted, type Settings, settingsUsage, summary } from './load.js';
import { flagOf, nearest, variableOf } from './names.js';
import { SETTING_KEYS } from './settings.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let numFiles = 0;
function fileOf(content: unknown): string {
  numFiles += 1;
  const file = join(folder, `${numFiles}.json`);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function load(argv: readonly string[], env: Record<string, string> = {}): Settings {
  const settings = loadSettings(argv, env);
  if (settings === 'help') throw new Error('help');
  return settings;
}

describe('settings', () => {
  it('are taken from flags over the environment over the file over the defaults', () => {
    const file = fileOf({ port: 1, maxQueue: 1, workers: 1, origin: ['https://file.example'] });
    const env = { CUTPOINT_SERVE_PORT: '2', CUTPOINT_SERVE_MAX_QUEUE: '2', CUTPOINT_SERVE_CONFIG: file };
    const { values, sources } = load(['--port', '3'], env);
    expect(values).toMatchObject({
      port: 3,
      maxQueue: 2,
      workers: 1,
      origin: ['https://file.example'],
      host: '127.0.0.1',
    });
    expect(sources).toMatchObject({ port: 'flag', maxQueue: 'environment', workers: 'file', host: 'default' });
  });

  it('of a list are repeated as flags, and separated by commas in the environment', () => {
    const env = { CUTPOINT_SERVE_ORIGIN: 'https://a.example, https://b.example/' };
    expect(load([], env).values.origin).toEqual(['https://a.example', 'https://b.example']);
    expect(load(['--origin', 'https://c.example', '--origin', 'https://d.example'], env).values.origin).toEqual([
      'https://c.example',
      'https://d.example',
    ]);
  });

  it('that are switches can be turned both ways, everywhere', () => {
    expect(load(['--no-canary', '--insecure']).values).toMatchObject({ canary: false, insecure: true });
    expect(load(['--canary'], { CUTPOINT_SERVE_CANARY: 'false' }).values.canary).toBe(true);
    expect(load([], { CUTPOINT_SERVE_CANARY: '0' }).values.canary).toBe(false);
    expect(load(['--config', fileOf({ insecure: true })]).values.insecure).toBe(true);
  });

  it('of a file that name a path start at its folder', () => {
    expect(load(['--config', fileOf({ models: 'mine', store: '/abs' })]).values).toMatchObject({
      models: join(folder, 'mine'),
      store: '/abs',
      page: 'dist',
    });
  });

  it('of where traces go come last from the variables of OpenTelemetry, by its own rules', () => {
    const of = (env: Record<string, string>, ...argv: string[]) => load(argv, env).values.traces;
    const all = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };
    expect(of({})).toBeUndefined();
    expect(of(all)).toBe('http://collector:4318/v1/traces');
    expect(of({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/otlp/' })).toBe(
      'http://collector:4318/otlp/v1/traces',
    );
    const own = { ...all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:1/in/' };
    expect(of(own)).toBe('http://other:1/in/');
    expect(of({ ...own, CUTPOINT_SERVE_TRACES: 'http://mine:4318' })).toBe('http://mine:4318/v1/traces');
    expect(of(own, '--traces', 'https://flag/spans')).toBe('https://flag/spans');
    for (const off of [{ OTEL_SDK_DISABLED: 'True' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
      expect(of({ ...own, ...off })).toBeUndefined();
      expect(of({ ...own, ...off }, '--traces', 'https://flag/spans')).toBe('https://flag/spans');
    }
    expect(load([], all).sources.traces).toBe("OpenTelemetry's environment");
  });

  it('do not include what Kubernetes says of its services', () => {
    const env = { CUTPOINT_PORT: 'tcp://10.0.0.1:8080', CUTPOINT_SERVICE_HOST: '10.0.0.1' };
    expect(load([], env).values.port).toBe(8080);
  });
});

describe('a wrong setting', () => {
  it.each<[string, readonly string[], Record<string, string>, string]>([
    ['flag', ['--max-queu', '2'], {}, 'there is no --max-queu; did you mean --max-queue?'],
    ['negative flag', ['--no-port'], {}, 'there is no --no-port'],
    ['flag without its value', ['--port'], {}, '--port needs a value'],
    ['value of a switch', ['--insecure=perhaps'], {}, '--insecure is "perhaps"; it must be true or false'],
    [
      'variable',
      [],
      { CUTPOINT_SERVE_PROT: '2' },
      'there is no CUTPOINT_SERVE_PROT; did you mean CUTPOINT_SERVE_PORT?',
    ],
    ['value of a variable', [], { CUTPOINT_SERVE_PORT: '' }, 'CUTPOINT_SERVE_PORT is ""; it must be a whole number'],
    [
      'item of a list',
      [],
      { CUTPOINT_SERVE_ORIGIN: 'https://a.example,b' },
      'CUTPOINT_SERVE_ORIGIN is ["https://a.example","b"]',
    ],
    ['subnet', ['--trust-proxy', '10.0.0.0/33'], {}, '--trust-proxy is "10.0.0.0/33"'],
    [
      'collector',
      ['--traces', 'collector:4318'],
      {},
      '--traces is "collector:4318"; it must be an http or https address',
    ],
    [
      'collector of OpenTelemetry',
      [],
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' },
      'OTEL_EXPORTER_OTLP_ENDPOINT is "collector/v1/traces"; it must be',
    ],
  ])('is named: %s', (_, argv, env, said) => {
    expect(() => load(argv, env)).toThrow(said);
  });

  it.each<[string, unknown, string]>([
    ['key', { maxQeue: 2 }, 'there is no maxQeue; did you mean maxQueue?'],
    ['flag instead of a key', { 'max-queue': 2 }, 'there is no max-queue; did you mean maxQueue?'],
    ['type', { port: '8080' }, 'port is "8080"; it must be a whole number from 0 to 65535'],
    ['value', { logLevel: 'loud' }, 'logLevel is "loud"; it must be one of fatal, error'],
    ['list', { origin: 'https://a.example' }, 'origin is "https://a.example"'],
    ['file in a file', { config: 'more.json' }, 'there is no config'],
    ['content', [], 'must be a JSON object'],
    ['content', '{"token": ["a-secret-that-nobody-sees"],', 'it is not JSON'],
  ])('of a file is named with it: %s', (_, content, said) => {
    const file = fileOf(content);
    expect(() => load(['--config', file])).toThrow(said);
    expect(() => load(['--config', file])).toThrow(file);
    expect(() => load(['--config', file])).not.toThrow('secret');
  });

  it('that is a file which is not there is named', () => {
    expect(() => load(['--config', '/nowhere/cutpoint.json'])).toThrow('/nowhere/cutpoint.json cannot be read');
  });
});

describe('a secret', () => {
  const SECRET = 'a-secret-that-nobody-sees';

  it('is in no summary', () => {
    const settings = load(['--port', '1'], { CUTPOINT_SERVE_TOKEN: SECRET });
    expect(settings.values.token).toEqual([SECRET]);
    expect(redacted(settings)).toMatchObject({ token: '***', port: 1 });
    expect(redacted(load([]))).toMatchObject({ token: [] });
    expect(summary(settings)).toBe('Settings: port = 1 (flag), token = *** (environment); the others are defaults');
    expect(summary(load([]))).toBe('Settings: all defaults');
  });

  it.each<[readonly string[], Record<string, string>]>([
    [['--token', `${SECRET} ${SECRET}`], {}],
    [['--token', `${SECRET},short`], {}],
    [[`--tokne=${SECRET}`], {}],
    [[], { CUTPOINT_SERVE_TOKEN: `${SECRET}/` }],
    [['--config', fileOf({ token: SECRET })], {}],
    [['--traces', `http://token:${SECRET}@collector`], {}],
    [['--traces-header', `token=${SECRET}, x`], {}],
    [['--config', fileOf({ token: [SECRET, 12] })], {}],
  ])('is not told when it is wrong: %j', (argv, env) => {
    expect(() => load(argv, env)).toThrow(/token|tokne|traces/i);
    expect(() => load(argv, env)).not.toThrow(SECRET);
  });
});

it('every setting is in the usage, and has a name of its own everywhere', () => {
  const usage = settingsUsage();
  for (const key of SETTING_KEYS) expect(usage).toMatch(new RegExp(`^ {2}--(no-)?${flagOf(key)} `, 'm'));
  expect(new Set(SETTING_KEYS.map(variableOf)).size).toBe(SETTING_KEYS.length);
  expect(variableOf('maxRequestsPerS')).toBe('CUTPOINT_SERVE_MAX_REQUESTS_PER_S');
});

it.each([
  ['wrokers', 'workers'],
  ['maxqueue', 'max-queue'],
  ['prot', 'port'],
])('%s is nearest to %s', (word, meant) => {
  expect(nearest(word, SETTING_KEYS.map(flagOf))).toBe(meant);
});
