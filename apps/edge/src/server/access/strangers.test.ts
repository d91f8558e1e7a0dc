import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryCatalog } from '../../testing/memory-catalog.js';
import { TestClient } from '../../testing/test-client.js';
import { TEST_CERTIFICATE, TEST_KEY } from '../../testing/tls.js';
import type { ServerOptions } from '../options.js';
import { type RunningServer, startServer } from '../start.js';

const TOKEN = 'the-right-token-of-this-edge';
const MAX = 3;
let server: RunningServer;
let sockets: Socket[] = [];

const start = async (more: Partial<ServerOptions> = {}) => {
  const options = { catalog: new MemoryCatalog(), port: 0, workers: 1, logLevel: 'silent', tokens: [TOKEN] } as const;
  server = await startServer({ ...options, maxConnections: MAX, ...more });
};
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await server.stop();
});

async function open(text = ''): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1');
  socket.on('error', () => undefined).resume();
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

/** Closed by the edge, soon. */
const isClosed = async (socket: Socket) =>
  await vi
    .waitFor(() => expect(socket.closed).toBe(true), 1_000)
    .then(
      () => true,
      () => false,
    );

/** On a socket of its own; `fetch` would try again and again. */
async function get(): Promise<number | undefined> {
  const options = { agent: false, headers: { authorization: `Bearer ${TOKEN}` } } as const;
  const [response]: IncomingMessage[] = await once(httpGet(`${server.url}/v1/load`, options), 'response');
  response?.resume();
  return response?.statusCode;
}

describe('sockets on which nobody was let in', () => {
  it('are so many of one address at most, whatever is said on them without a token', async () => {
    await start();
    const request = 'GET /v1/load HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const strangers = [await open(), await open('GET /v1/load HTTP/1.1\r\n'), await open(request)];
    expect(await isClosed(await open())).toBe(true);
    await expect(get()).rejects.toThrow();
    strangers[0]?.destroy();
    await vi.waitFor(async () => expect(await get()).toBe(200));
  });

  it('are no longer counted when somebody was', async () => {
    await start();
    const clients = [];
    for (let index = 0; index < MAX; index += 1) clients.push(await TestClient.open(server.url, {}, TOKEN));
    for (let index = 0; index < MAX; index += 1) await open();
    for (const client of clients) expect(client.closed).toBeUndefined();
    expect(await isClosed(await open())).toBe(true);
    for (const client of clients) client.close();
  });

  it('are counted before TLS is spoken, and let in after it', async () => {
    await start({ tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
    const own = new URL(server.url);
    const secure = { rejectUnauthorized: false };
    const clients = [];
    for (let index = 0; index < MAX; index += 1)
      clients.push(await TestClient.open(own.href.slice(0, -1), secure, TOKEN));
    for (let index = 0; index < MAX; index += 1) await open();
    expect(await isClosed(await open())).toBe(true);
    for (const client of clients) client.close();
  });

  it('are not counted of a proxy that is trusted', async () => {
    await start({ trustProxy: ['127.0.0.0/8'] });
    for (let index = 0; index < 2 * MAX; index += 1) await open();
    expect(await get()).toBe(200);
  });

  it.each([
    ['nothing', ''],
    ['half of what is wanted', 'GET /v1/load HTTP/1.1\r\nHost:'],
  ])('and which say %s are closed when their time is over', async (_, text) => {
    await start({ headersMs: 200 });
    const socket = await open(text);
    const startMs = performance.now();
    if (!socket.closed) await once(socket, 'close');
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});
