import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { TestClient } from '../testing/test-client.js';
import { echoModel } from '../testing/tiny-models.js';
import { Outbox } from './outbox.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-hub-'));
afterAll(() => rmSync(objectsDir, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** More than the buffers of two sockets hold. */
const NUMBERS = 6_000_000;
const echo = echoModel(objectsDir, NUMBERS);

/** A client that does not read, and to which more is to be sent than the network takes. */
async function slowReader(drainMs: number) {
  const catalog = new MemoryCatalog(echo);
  const limits = { maxRequestBytes: 4 * NUMBERS, drainMs };
  const server = await startServer({ catalog, port: 0, workers: 1, canary: false, logLevel: 'silent', ...limits });
  await server.warmedUp();
  const client = await TestClient.open(server.url);
  const result = vi.spyOn(Outbox.prototype, 'result');
  client.infer(1, echo, 0, [{ name: 'x', type: 'float32', dims: [NUMBERS], data: new Float32Array(NUMBERS).fill(7) }]);
  client.socket.pause();
  await vi.waitFor(() => expect(result).toHaveBeenCalledOnce(), { timeout: 20_000 });
  return { server, client };
}

describe('an edge that stops', () => {
  it('has a client that reads slowly get the whole of its answer', async () => {
    const { server, client } = await slowReader(20_000);
    const stopped = server.stop();
    // For longer than a goodbye may take.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    client.socket.resume();
    const { outputs } = await client.result(1);
    expect(outputs.y).toHaveLength(NUMBERS);
    expect(outputs.y?.at(-1)).toBe(7);
    expect((await client.end()).closeCode).toBe(1001);
    await stopped;
  });

  it('waits no longer than it is told for one that does not read', async () => {
    const { server, client } = await slowReader(300);
    const startedAt = performance.now();
    await server.stop();
    expect(performance.now() - startedAt).toBeGreaterThan(250);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    client.socket.terminate();
  });
});
