import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { parseExposition, sampleOf } from '../../testing/exposition.js';
import { MemoryCatalog } from '../../testing/memory-catalog.js';
import { TestClient } from '../../testing/test-client.js';
import type { ServerOptions } from '../options.js';
import { type RunningServer, startServer } from '../start.js';

const MAX = 3;
let server: RunningServer;
let sockets: Socket[] = [];

const start = async (more: Partial<ServerOptions> = {}) => {
  const options = { catalog: new MemoryCatalog(), port: 0, workers: 1, logLevel: 'silent' } as const;
  server = await startServer({ ...options, maxSocketsPerClient: MAX, ...more });
};
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  await server.stop();
});

async function open(): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1').setEncoding('utf8');
  sockets.push(socket.on('error', () => undefined));
  await once(socket, 'connect');
  return socket;
}

/** What is answered on a socket that is kept. */
async function ask(socket: Socket, headers = '', path = '/v1/load'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  const [text] = await once(socket, 'data');
  return String(text);
}

it('a client may have so many sockets, and may go on asking on those that it has', async () => {
  await start();
  const own = [await open(), await open(), await open()];
  for (let times = 0; times < 2; times += 1) {
    for (const socket of own) expect(await ask(socket)).toMatch(/^HTTP\/1.1 200 /);
  }
  const fourth = await open();
  const refused = await ask(fourth);
  expect(refused).toMatch(/^HTTP\/1.1 429 /);
  expect(refused).toMatch(/^connection: close\r$/im);
  expect(refused).toMatch(/^retry-after: 5\r$/im);
  expect(refused).toContain('"code":"too_many_connections"');
  await vi.waitFor(() => expect(fourth.closed).toBe(true));

  // Whoever watches over the edge is not kept from it.
  expect(await ask(await open(), '', '/readyz')).toMatch(/^HTTP\/1.1 503 /);
  const stream = await TestClient.open(server.url);
  stream.close();
  const [first] = own;
  if (first === undefined) return;
  const scrape = parseExposition((await ask(first, '', '/metrics')).split('\r\n\r\n')[1] ?? '');
  expect(sampleOf(scrape, 'cutpoint_http_sockets')).toBe(MAX);
  expect(sampleOf(scrape, 'cutpoint_http_sockets_refused_total')).toBe(1);

  first.destroy();
  await vi.waitFor(async () => expect(await ask(await open())).toMatch(/^HTTP\/1.1 200 /));
});

it('clients behind a proxy share its sockets, which are nobody’s', async () => {
  await start({ trustProxy: ['127.0.0.1'] });
  for (let index = 0; index < 2 * MAX; index += 1) {
    expect(await ask(await open(), 'X-Forwarded-For: 198.51.100.1\r\n')).toMatch(/^HTTP\/1.1 200 /);
  }
});
