import { describe, expect, it } from 'vitest';
import { parseServeOptions as parse } from './serve-options.js';

const parseServeOptions = (argv: readonly string[], env = {}) => parse(argv, env);

describe('the options of serve', () => {
  it('have defaults that serve this machine only', () => {
    expect(parseServeOptions([])).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      modelsDir: 'models',
      storeDir: '.cutpoint',
      pageDir: 'dist',
      origins: [],
      workers: undefined,
      canary: true,
      providers: [],
      shareWeights: 'measured',
      defaultDeadlineMs: 30_000,
      metrics: 'clients',
    });
  });

  it('are read', () => {
    const argv =
      '--port 0 --host ::1 --workers 3 --origin https://a.example/ --origin http://b:5173 --max-queue 0 --no-canary';
    expect(parseServeOptions(argv.split(' '))).toMatchObject({
      port: 0,
      host: '::1',
      workers: 3,
      origins: ['https://a.example', 'http://b:5173'],
      maxQueue: 0,
      canary: false,
    });
    const serving =
      '--tail-memory-mib 512 --share-weights always --provider webgpu --provider cpu --default-deadline-ms 900 --metrics everybody';
    expect(parseServeOptions(serving.split(' '))).toMatchObject({
      tailMemoryBytes: 512 * 1024 * 1024,
      shareWeights: 'always',
      providers: ['webgpu', 'cpu'],
      defaultDeadlineMs: 900,
      metrics: 'everybody',
    });
    expect(parseServeOptions(['--help'])).toBe('help');
  });

  it.each([
    [['--prot', '80'], '--prot'],
    [['--port', 'http'], '--port is "http"'],
    [['--port', '65536'], '--port is 65536'],
    [['--port', '-1'], '--port'],
    [['--port', '1.5'], '--port is "1.5"'],
    [['--port', ''], '--port is ""'],
    [['--workers', '0'], '--workers is 0'],
    [['--origin', 'app.example'], '--origin is "app.example"'],
    [['--origin', 'https://a.example/path'], '--origin is "https://a.example/path"'],
    [['--origin', '*'], '--origin is "*"'],
    [['--share-weights', 'sometimes'], '--share-weights is "sometimes"'],
    [['--provider', 'tpu'], '--provider is "tpu"'],
    [['--metrics', 'me'], '--metrics is "me"'],
    [['--default-deadline-ms', '0'], '--default-deadline-ms is 0'],
    [['--log-level', 'loud'], '--log-level is "loud"'],
    [['extra'], 'extra'],
  ])('that are wrong are named: %j', (argv, named) => {
    expect(() => parseServeOptions(argv)).toThrow(expect.objectContaining({ code: 'bad_arguments' }));
    expect(() => parseServeOptions(argv)).toThrow(named);
  });
});
