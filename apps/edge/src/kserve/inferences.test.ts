import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as authenticating from '../server/access/authenticator.js';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { slowModel, tinyModel } from '../testing/tiny-models.js';
import { binaryInput, TritonClient } from '../testing/triton-client.js';
import { BodyThread } from './body-thread.js';

/** Tokens are looked at until the test lets go, as if there were much to verify. */
const tokens = vi.hoisted(() => ({ waiting: 0, checked: Promise.resolve() }));
vi.mock('../server/access/authenticator.js', async (original) => {
  const { authenticator } = await original<typeof authenticating>();
  const held: typeof authenticator = (options) => {
    const authenticate = authenticator(options);
    return async (token) => {
      tokens.waiting += 1;
      await tokens.checked;
      tokens.waiting -= 1;
      return await authenticate(token);
    };
  };
  return { authenticator: held };
});

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-inferences-'));
const DRAIN_MS = 5_000;
const X = binaryInput('x', 'FP32', [1], new Float32Array(1));
const MASK = binaryInput('mask', 'UINT8', [3], new Uint8Array([0, 0, 0]));
const X4 = binaryInput('x', 'FP32', [1, 4], new Float32Array([1, 2, 3, 4]));
let catalog: MemoryCatalog;
let server: RunningServer;

beforeAll(() => {
  catalog = new MemoryCatalog(slowModel(objectsDir, 'slow', 3_000), tinyModel(objectsDir));
});

afterAll(() => rmSync(objectsDir, { recursive: true }));

beforeEach(async () => {
  const limits = { maxInFlightPerClient: 2, maxQueue: 8, drainMs: DRAIN_MS };
  server = await startServer({ catalog, port: 0, workers: 1, canary: false, logLevel: 'silent', ...limits });
  await server.warmedUp();
});

/** All that a client may have unanswered is free again, and nothing is waited for when the edge stops. */
async function expectNothingLeft(): Promise<void> {
  const client = await TritonClient.open(server.url);
  expect((await client.infer('tiny', [MASK, X4])).status).toBe(200);
  client.close();
  const startedAt = performance.now();
  await server.stop();
  expect(performance.now() - startedAt).toBeLessThan(DRAIN_MS - 1_000);
}

async function heldBytes(): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^cutpoint_held_payload_bytes (\d+)$/m.exec(text)?.[1]);
}

describe('a client that vanishes leaves nothing behind', () => {
  it('of requests that it sent one after another without waiting', async () => {
    for (let round = 0; round < 2; round += 1) {
      const client = await TritonClient.open(server.url);
      void client.infer('slow', [X]).catch(() => undefined);
      client.write(client.sent);
      await vi.waitFor(() => expect(server.load().inFlight + server.load().queueDepth).toBe(2));
      client.close();
      await vi.waitFor(() => expect(server.load().inFlight + server.load().queueDepth).toBe(0), { timeout: 5_000 });
    }
    await expectNothingLeft();
  });

  it('while its token is looked at', async () => {
    let letGo: () => void = () => undefined;
    tokens.checked = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const clients = [await TritonClient.open(server.url), await TritonClient.open(server.url)];
    for (const client of clients) void client.infer('tiny', [MASK, X4]).catch(() => undefined);
    await vi.waitFor(() => expect(tokens.waiting).toBe(2));
    for (const client of clients) client.close();
    // The edge hears of it before it goes on.
    await new Promise((resolve) => setTimeout(resolve, 100));
    letGo();
    await vi.waitFor(() => expect(tokens.waiting).toBe(0));
    await expectNothingLeft();
  });

  it('while its body is read, but only when that has ended', async () => {
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const reading = vi.spyOn(BodyThread.prototype, 'read').mockImplementation(async () => {
      await held;
      throw new Error('nobody waits for it');
    });
    try {
      const client = await TritonClient.open(server.url);
      void client.infer('tiny', [MASK, X4]).catch(() => undefined);
      await vi.waitFor(() => expect(reading).toHaveBeenCalledOnce());
      expect(await heldBytes()).toBeGreaterThan(0);
      client.close();
      await vi.waitFor(() => expect(server.load().announcedMs ?? 0).toBe(0));
      expect(await heldBytes()).toBeGreaterThan(0);
      // One that is not being read yet leaves the line by this.
      expect(reading.mock.calls[0]?.[1].signal.aborted).toBe(true);
      letGo();
      await vi.waitFor(async () => expect(await heldBytes()).toBe(0));
    } finally {
      reading.mockRestore();
    }
    await expectNothingLeft();
  });
});
