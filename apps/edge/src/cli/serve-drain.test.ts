import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PreparedModel } from '../prepare/prepared.js';
import { type CliProcess, startCli, until } from '../testing/cli-process.js';
import { servedModel, untilLoad } from '../testing/served-model.js';
import { floats, TestClient } from '../testing/test-client.js';
import { slowOnnx } from '../testing/tiny-models.js';

/** What happens to everybody who is connected when the real edge is told to stop. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-cli-drain-'));
const home = join(folder, 'home');
const DRAIN_MS = 20_000;
/** More than the buffers of two sockets hold. */
const PAGE_BYTES = 64 * 1024 * 1024;

beforeAll(() => {
  mkdirSync(home);
  mkdirSync(join(folder, 'page'));
  writeFileSync(join(folder, 'page/index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'page/large.bin'), Buffer.alloc(PAGE_BYTES));
  mkdirSync(join(folder, 'models/slow'), { recursive: true });
  // About a second, so that there is time to look around while it runs.
  writeFileSync(join(folder, 'models/slow/slow.onnx'), slowOnnx(2_000));
  writeFileSync(
    join(folder, 'models/slow/config.json'),
    JSON.stringify({ description: 'takes its time', source: { file: 'slow.onnx' } }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function startReady(...args: string[]): Promise<{ edge: CliProcess; url: string; model: PreparedModel }> {
  const edge = startCli(['serve', '--port', '0', '--workers', '1', ...args], { cwd: folder, home });
  const url = await until(edge, /Ready: open (http:\S+)/);
  return { edge, url, model: await servedModel(url, 'slow') };
}

async function rawSocket(url: string, firstBytes: string): Promise<Socket> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1' });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(firstBytes);
  return socket;
}

describe('SIGTERM', () => {
  it('under load: what runs is answered, what waits is told, nothing new is taken, and the process ends with 0', async () => {
    const { edge, url, model } = await startReady('--drain-ms', String(DRAIN_MS));
    const clients = await Promise.all(Array.from({ length: 8 }, async () => await TestClient.open(url)));
    for (const client of clients) for (const id of [1, 2]) client.infer(id, model, 0, [floats('x', [1], [0])]);
    await untilLoad(url, ({ inFlight, queueDepth }) => inFlight === 1 && queueDepth === 15);
    edge.child.kill('SIGTERM');
    const answers = Promise.all(
      clients.flatMap((client) =>
        [1, 2].map(async (id) => {
          const answer = await client.answer(id);
          return 'outputs' in answer ? 'result' : answer.code;
        }),
      ),
    );
    await until(edge, /Stopping/);

    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ reason: 'the edge is stopping' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const document = await fetch(`${url}/v1/models`);
    expect(document.status).toBe(503);
    expect(await document.json()).toMatchObject({ code: 'shutting_down' });
    await expect(TestClient.open(url)).rejects.toThrow('503');
    const [first] = clients;
    first?.infer(3, model, 0, [floats('x', [1], [0])]);
    expect(await first?.errorOf(3)).toBe('shutting_down');

    const settled = await answers;
    expect(settled.filter((answer) => answer === 'result')).toHaveLength(1);
    expect(settled.filter((answer) => answer === 'shutting_down')).toHaveLength(15);
    for (const client of clients) expect((await client.end()).closeCode).toBe(1001);
    expect(await edge.ended).toBe(0);
  });

  it('is not held up by sockets on which nothing happens', async () => {
    const { edge, url } = await startReady('--drain-ms', String(DRAIN_MS));
    const agent = new Agent({ keepAlive: true });
    const [response]: IncomingMessage[] = await once(httpGet(`${url}/v1/models`, { agent }), 'response');
    response?.resume();
    await once(response ?? agent, 'end');
    const silent = await rawSocket(url, '');
    const halfway = await rawSocket(url, 'GET /v1/models HTTP/1.1\r\nHost: x\r\n');
    const client = await TestClient.open(url);
    const startMs = performance.now();
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(DRAIN_MS / 4);
    expect((await client.end()).closeCode).toBe(1001);
    for (const socket of [silent, halfway]) if (!socket.closed) await once(socket, 'close');
    agent.destroy();
  });

  it('waits for a download that is under way', async () => {
    const { edge, url } = await startReady('--drain-ms', String(DRAIN_MS), '--page', 'page');
    const reading = await rawSocket(url, `GET /large.bin HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`);
    await once(reading, 'readable');
    edge.child.kill('SIGTERM');
    await until(edge, /Stopping/);
    let numBytes = 0;
    reading.on('data', ({ byteLength }: Buffer) => {
      numBytes += byteLength;
    });
    await once(reading, 'close');
    expect(numBytes).toBeGreaterThan(PAGE_BYTES);
    expect(await edge.ended).toBe(0);
  });

  it('closes all sockets when the time to drain is over, and lets the tail that runs come to its end', async () => {
    const { edge, url, model } = await startReady('--drain-ms', '50');
    const client = await TestClient.open(url);
    client.infer(1, model, 0, [floats('x', [1], [0])]);
    await untilLoad(url, ({ inFlight }) => inFlight === 1);
    edge.child.kill('SIGTERM');
    expect(await client.until(() => client.closed)).toEqual({ code: 1001 });
    expect(await edge.ended).toBe(0);
  });

  it('before the edge has begun to listen ends it too', async () => {
    const edge = startCli(['serve', '--port', '0'], { cwd: folder, home });
    await until(edge, /Settings/);
    edge.child.kill('SIGTERM');
    expect(await edge.ended).toBe(0);
  });
});
