import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LinkShape } from './link-model.js';
import { ShapingProxy } from './shaping-proxy.js';

const FAST: LinkShape = { bytesPerMs: 50_000, roundTripMs: 2 };

/** A server that sends back what it gets, and ends when its client has. */
async function startEcho() {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

async function echoed(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.end(bytes);
  await once(socket, 'end');
  return Buffer.concat(parts);
}

test.each([undefined, FAST, { ...FAST, bufferMs: 1 }])(
  'every byte arrives, in order, both ways (%j)',
  async (shape) => {
    using echo = await startEcho();
    await using proxy = await ShapingProxy.start({ targetPort: echo.port });
    proxy.setShape(shape);
    const bytes = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
    expect((await echoed(proxy.port, bytes)).equals(bytes)).toBe(true);
  },
);

test('what is no WebSocket is not shaped when only those are', async () => {
  using echo = await startEcho();
  await using proxy = await ShapingProxy.start({ targetPort: echo.port, onlyWebSockets: true });
  // Shaped, this would take a quarter of an hour.
  proxy.setShape({ bytesPerMs: 0.2, roundTripMs: 1_000 });
  const request = Buffer.concat([Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'), Buffer.alloc(200_000, 7)]);
  expect((await echoed(proxy.port, request)).equals(request)).toBe(true);
});

test('a shaped connection to a WebSocket takes no less than the link does', async () => {
  using echo = await startEcho();
  await using proxy = await ShapingProxy.start({ targetPort: echo.port, onlyWebSockets: true });
  proxy.setShape({ bytesPerMs: 200, roundTripMs: 10 });
  const request = Buffer.from(`GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n${'x'.repeat(10_000)}`);
  const startMs = performance.now();
  expect((await echoed(proxy.port, request)).equals(request)).toBe(true);
  expect(performance.now() - startMs).toBeGreaterThan(10 + 2 * 50 - 10_000 / 200);
});

test('a short buffer at the bottleneck lets a small message past a long transfer', async () => {
  using echo = await startEcho();
  await using proxy = await ShapingProxy.start({ targetPort: echo.port });
  proxy.setShape({ bytesPerMs: 1_000, roundTripMs: 2, bufferMs: 20 });
  const arrived: string[] = [];
  const long = echoed(proxy.port, Buffer.alloc(1_000_000, 1)).then(() => arrived.push('long'));
  // All of it is at the proxy: loopback takes a few ms for it, the link a second.
  await sleep(200);
  const short = echoed(proxy.port, Buffer.alloc(100, 2)).then(() => arrived.push('short'));
  await Promise.all([long, short]);
  expect(arrived).toEqual(['short', 'long']);
});

test('a client of an edge that is not there is told', async () => {
  await using proxy = await ShapingProxy.start({ targetPort: 1 });
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  await once(socket, 'close');
});
