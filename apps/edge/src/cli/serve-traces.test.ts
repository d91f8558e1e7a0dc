import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { startCli, until } from '../testing/cli-process.js';
import { Collector } from '../testing/collector.js';
import { TestClient } from '../testing/test-client.js';

const home = mkdtempSync(join(tmpdir(), 'cutpoint-cli-traces-'));
const SECRET = 'a-secret-that-nobody-sees';
afterAll(() => rmSync(home, { recursive: true }));

it('cutpoint serve sends its last spans before it ends, to where the variables of OpenTelemetry say, and shows no secret', async () => {
  const collector = await Collector.start();
  const base = `http://127.0.0.1:${collector.port}`;
  const header = { CUTPOINT_SERVE_TRACES_HEADER: `x-key=${SECRET}` };
  // Nothing but the end of the edge sends them.
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: base, OTEL_BSP_SCHEDULE_DELAY: '600000', ...header };
  const args = ['serve', '--port', '0', '--models', 'none', '--workers', '1', '--log-level', 'debug'];
  const edge = startCli(args, { cwd: home, home, env });
  const client = await TestClient.open(await until(edge, /serves at (http:\S+)/));
  // Refused, since there is no model: it has a span like all others.
  client.send({ type: 'infer', id: 1, model: 'none', table: 'a'.repeat(64), cut: 0, tensors: [], numBytes: 0 });
  expect(await client.errorOf(1)).toBe('unknown_model');
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
