import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type CliProcess, startCli, until } from '../testing/cli-process.js';
import { Collector } from '../testing/collector.js';
import { TestClient } from '../testing/test-client.js';

/** Where spans go, and what becomes of them and of the edge when they cannot go there, with the real command line. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-cli-traces-'));
const home = join(folder, 'home');
const SECRET = 'a-secret-that-nobody-sees';
const DRAIN_MS = 20_000;

beforeAll(() => mkdirSync(home));
afterAll(() => rmSync(folder, { recursive: true }));

function serve(env: Record<string, string>, ...args: string[]): CliProcess {
  const common = ['--port', '0', '--models', 'none', '--workers', '1', '--drain-ms', String(DRAIN_MS)];
  return startCli(['serve', ...common, ...args], { cwd: folder, home, env });
}

/** An inference that is refused, since there is no model: it has a span like all others. */
async function infer(url: string): Promise<void> {
  const client = await TestClient.open(url);
  client.send({ type: 'infer', id: 1, model: 'none', table: 'a'.repeat(64), cut: 0, tensors: [], numBytes: 0 });
  await client.answer(1);
  client.close();
}

describe.concurrent('cutpoint serve', () => {
  it('sends the last spans before it ends, to where the variables of OpenTelemetry say, and shows no secret', async ({
    expect,
  }) => {
    const collector = await Collector.start();
    const base = `http://127.0.0.1:${collector.port}`;
    const header = { CUTPOINT_SERVE_TRACES_HEADER: `x-key=${SECRET}` };
    // Nothing but the end of the edge sends them.
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_BSP_SCHEDULE_DELAY: '600000', ...header };
    const edge = serve(env, '--log-level', 'debug');
    const url = await until(edge, /serves at (http:\S+)/);
    await infer(url);
    expect(collector.spans).toEqual([]);
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
    expect(collector.requests.map(({ attributes }) => attributes['error.type'])).toEqual(['unknown_model']);
    expect(collector.path).toBe('/v1/traces');
    expect(collector.headers['x-key']).toBe(SECRET);
    expect(edge.said()).toContain(`traces = ${base}/v1/traces (OpenTelemetry's environment), tracesHeader = ***`);
    expect(edge.said()).not.toContain(SECRET);
    await collector.close();
  });

  it('is not held up by a collector that never answers', async ({ expect }) => {
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    // Of a server that listens on TCP.
    const { port } = silent.address() as AddressInfo;
    const edge = serve({ OTEL_BSP_SCHEDULE_DELAY: '10' }, '--traces', `http://127.0.0.1:${port}`);
    const url = await until(edge, /serves at (http:\S+)/);
    const asked = once(silent, 'connection');
    await infer(url);
    await asked;
    // Also what the end of the edge would send.
    await infer(url);
    const startMs = performance.now();
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(DRAIN_MS / 2);
    expect(edge.said()).toContain('the last spans could not be sent in time');
    silent.close();
  });
});
