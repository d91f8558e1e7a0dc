import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadReport } from '@cutpoint/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import type { ServerOptions } from '../server/options.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { untilLoad } from '../testing/served-model.js';
import { floats, TestClient } from '../testing/test-client.js';
import { echoModel, slowModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-demo-'));
let slow: PreparedModel;
let echo: PreparedModel;
let server: RunningServer;

async function start(more: Partial<ServerOptions> = {}): Promise<void> {
  const catalog = new MemoryCatalog(slow, echo);
  server = await startServer({ catalog, port: 0, workers: 1, demo: true, canary: false, logLevel: 'silent', ...more });
  await server.warmedUp();
}

async function ask(what: 'load' | 'link', body: object, headers: Record<string, string> = {}): Promise<Response> {
  return await fetch(`${server.url}/v1/demo/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

const isQuiet = ({ queueDepth, inFlight }: LoadReport) => queueDepth === 0 && inFlight === 0;
const load = (more: object) => ({ model: 'slow', tails: 0, neighbours: 0, forMs: 10_000, ...more });

beforeAll(() => {
  slow = slowModel(objectsDir);
  echo = echoModel(objectsDir, 10_000);
});
afterEach(() => server.stop());
afterAll(() => rmSync(objectsDir, { recursive: true }));

describe('load for a demonstration', () => {
  it('occupies the workers and fills the queue, which requests of others wait in, until it is taken back', async () => {
    await start();
    expect((await ask('load', load({ tails: 3 }))).status).toBe(200);
    await untilLoad(
      server.url,
      ({ queueDepth, inFlight, queueMs }) => queueDepth === 2 && inFlight === 1 && queueMs > 0,
    );
    const client = await TestClient.open(server.url);
    client.infer(1, slow, 0, [floats('x', [1], [0])]);
    expect((await client.result(1)).message.timings.queueMs).toBeGreaterThan(1);
    await ask('load', load({}));
    await untilLoad(server.url, isQuiet);
    client.close();
  });

  it('ends by itself when nobody asks again', async () => {
    await start();
    await ask('load', load({ tails: 2, neighbours: 1, forMs: 150 }));
    await untilLoad(server.url, ({ inFlight }) => inFlight === 1);
    await untilLoad(server.url, isQuiet);
    expect(await (await fetch(`${server.url}/v1/demo`)).json()).toMatchObject({ tails: 0, neighbours: 0, load: null });
  });

  it('of neighbours keeps the CPU busy without a place in the queue', async () => {
    await start();
    await ask('load', load({ neighbours: 2 }));
    const before = process.cpuUsage();
    await delay(300);
    const { user } = process.cpuUsage(before);
    expect(user / 1000).toBeGreaterThan(150);
    expect(isQuiet(server.load())).toBe(true);
  });

  it('does not outlive the edge, nor keep it from stopping', async () => {
    await start();
    await ask('load', load({ tails: 4, neighbours: 1 }));
    await untilLoad(server.url, ({ queueDepth }) => queueDepth === 3);
    const startedAtMs = performance.now();
    await server.stop();
    expect(performance.now() - startedAtMs).toBeLessThan(4_000);
  });

  it.each([
    [load({ tails: 17 }), 400],
    [load({ neighbours: -1 }), 400],
    [load({ forMs: 30_001 }), 400],
    [load({ more: 1 }), 400],
    [load({ model: 'nothing' }), 404],
  ])('is bounded: %j', async (body, status) => {
    await start();
    const response = await ask('load', body);
    expect(response.status).toBe(status);
    expect(Object.keys((await response.json()) as object)).toEqual(['code', 'message']);
  });
});

describe('a link slowed for a demonstration', () => {
  const COUNT = 10_000;
  const BYTES = 4 * COUNT;

  /** ms of the whole exchange, and of its payload on the way up as the edge saw it. */
  async function exchange(): Promise<{ readonly totalMs: number; readonly uploadMs: number }> {
    const client = await TestClient.open(server.url);
    const startedAtMs = performance.now();
    client.infer(1, echo, 0, [floats('x', [COUNT], Array<number>(COUNT).fill(1))]);
    const { uploadMs } = (await client.result(1)).message.timings;
    client.close();
    return { totalMs: performance.now() - startedAtMs, uploadMs };
  }

  it('carries so many bytes in a ms each way, later by half a round trip, and only for as long as was asked', async () => {
    await start();
    await exchange();
    const pace = { uplinkBytesPerMs: 200, downlinkBytesPerMs: 400, roundTripMs: 100 };
    expect((await ask('link', { ...pace, forMs: 5_000 })).status).toBe(200);
    const slowed = await exchange();
    expect(slowed.uploadMs).toBeGreaterThanOrEqual(0.9 * (BYTES / 200));
    expect(slowed.totalMs).toBeGreaterThanOrEqual(0.95 * (BYTES / 200 + BYTES / 400 + 100));
    await ask('link', { ...pace, forMs: 1 });
    await delay(20);
    expect((await exchange()).uploadMs).toBeLessThan(0.5 * (BYTES / 200));
  });
});

describe('an edge', () => {
  it('that was not started for demonstration has none of it, and says so', async () => {
    await start({ demo: false });
    expect((await ask('load', load({ tails: 1 }))).status).toBe(404);
    expect((await fetch(`${server.url}/v1/demo`)).status).toBe(404);
    expect(await (await fetch(`${server.url}/v1/models`)).json()).not.toHaveProperty('demo');
  });

  it('with tokens lets nobody load it without one', async () => {
    const token = 'a-token-of-this-edge-here';
    await start({ tokens: [token] });
    expect((await ask('load', load({ tails: 1 }))).status).toBe(401);
    const bearer = { authorization: `Bearer ${token}` };
    expect((await ask('load', load({ tails: 1 }), bearer)).status).toBe(200);
    expect(await (await fetch(`${server.url}/v1/models`, { headers: bearer })).json()).toMatchObject({ demo: true });
  });

  it('lets no page of another site load it', async () => {
    await start();
    expect((await ask('load', load({ tails: 1 }), { origin: 'https://elsewhere.example' })).status).toBe(403);
  });
});
