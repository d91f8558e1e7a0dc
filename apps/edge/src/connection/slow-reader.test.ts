import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { startServer } from '../server/start.js';
import { parseExposition, sampleOf } from '../testing/exposition.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { TestClient } from '../testing/test-client.js';
import { echoModel } from '../testing/tiny-models.js';

const objectsDir = mkdtempSync(join(tmpdir(), 'cutpoint-slow-reader-'));
afterAll(() => rmSync(objectsDir, { recursive: true }));

const COUNT = 200_000;
/** Of answers, as docs/reliability.md has it. */
const UNREAD_BYTES = 4 * 1024 * 1024;

it('a client that reads nothing for half a minute is told so and closed, and the others go on', async () => {
  const large = echoModel(objectsDir, COUNT, 'large');
  const catalog = new MemoryCatalog(large);
  const server = await startServer({ catalog, port: 0, workers: 1, uploadIdleMs: 300, logLevel: 'silent' });
  const client = await TestClient.open(server.url);
  const other = await TestClient.open(server.url);
  const feeds = [{ name: 'x', type: 'float32' as const, dims: [COUNT], data: new Float32Array(COUNT) }];
  client.socket.pause();
  // More than the sockets' buffers hold, one after another.
  for (let id = 1; id <= 24; id += 1) {
    client.infer(id, large, 0, feeds);
    await new Promise((resolve) => setTimeout(resolve, 40));
    // On a slow machine they would be refused for want of room, which leaves little to read.
    await vi.waitFor(() => expect(server.load()).toMatchObject({ inFlight: 0, queueDepth: 0 }), 10_000);
  }
  expect(client.socket.bufferedAmount).toBeGreaterThan(0);
  const scrape = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
  const answered = sampleOf(scrape, 'cutpoint_requests_total', { outcome: 'answered' }) ?? 0;
  const written = sampleOf(scrape, 'cutpoint_request_duration_seconds_count', { model: 'large' }) ?? 0;
  // What the edge holds of its answers: as much as is too much, and what made it so much; of one the system may have a part.
  const heldBytes = (answered - written) * COUNT * 4;
  expect(heldBytes).toBeGreaterThan(UNREAD_BYTES);
  expect(heldBytes).toBeLessThan(UNREAD_BYTES + 2 * COUNT * 4);
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + 31_000);
  try {
    // The edge looks every 150 ms here.
    await new Promise((resolve) => setTimeout(resolve, 400));
    other.infer(1, large, 0, feeds);
    await other.result(1);
  } finally {
    clock.mockRestore();
  }
  client.socket.resume();
  expect(await client.end()).toEqual({ code: 'slow_reader', closeCode: 1008 });
  other.close();
  await server.stop();
});
