import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { slowStartRounds, stallMs } from '@cutpoint/partition';
import { median, round } from '../../statistics.js';
import type { LinkShape } from './link-model.js';
import { ProxyProcess } from './proxy-process.js';

/** How true the shaped link is, seen from its two ends. */
export interface LinkCheck {
  readonly bytesPerMs: number;
  readonly roundTripMs: number;
  /** Measured ÷ asked rate, less 1, in per cent: of a transfer with an open window. */
  readonly rateErrorPct: number;
  /** Measured less asked round trip of a small message. */
  readonly roundTripErrorMs: number;
  /** Measured less expected ms of a transfer from idle. */
  readonly slowStartErrorMs: number;
}

const UPGRADE = 'GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n';
const REPEATS = 5;
/** Longer than any idle after which a window stays open. */
const IDLE_MS = 350;
const PING_BYTES = 16;
const TRANSFER_MS = 120;

interface Path extends Disposable {
  readonly sender: Socket;
  readonly receiver: Socket;
}

/** Measures the proxy with two sockets and nothing else: what comes out of it is what the bench's numbers rest on. */
export async function checkLink(shape: LinkShape, core: number | undefined): Promise<LinkCheck> {
  const server = createServer({ noDelay: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const port = (server.address() as AddressInfo).port;
  await using proxy = await ProxyProcess.start(`http://127.0.0.1:${port}`, core);
  try {
    using path = await openPath(server, Number(new URL(proxy.url).port));
    proxy.setShape(shape);
    return await measure(path, shape);
  } finally {
    server.close();
  }
}

async function openPath(server: ReturnType<typeof createServer>, port: number): Promise<Path> {
  const sender = connect({ port, host: '127.0.0.1', noDelay: true });
  const joined = once(server, 'connection');
  sender.write(UPGRADE);
  const [receiver]: Socket[] = await joined;
  if (!receiver) throw new Error('nobody came');
  await received(receiver, UPGRADE.length);
  return {
    sender,
    receiver,
    [Symbol.dispose]: () => {
      sender.destroy();
      receiver.destroy();
    },
  };
}

async function measure({ sender, receiver }: Path, shape: LinkShape): Promise<LinkCheck> {
  const { bytesPerMs, roundTripMs } = shape;
  const numBytes = Math.max(60_000, Math.round(TRANSFER_MS * bytesPerMs));
  const [rates, roundTrips, coldErrors]: [number[], number[], number[]] = [[], [], []];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS + roundTripMs));
    const coldMs = (await transfer(sender, receiver, numBytes)).lastMs;
    const stalls = stallMs(slowStartRounds(numBytes), roundTripMs, bytesPerMs);
    coldErrors.push(coldMs - numBytes / bytesPerMs - stalls - roundTripMs / 2);
    const { firstMs, firstBytes, lastMs } = await transfer(sender, receiver, numBytes);
    rates.push((numBytes - firstBytes) / (lastMs - firstMs));
    const startMs = performance.now();
    await transfer(sender, receiver, PING_BYTES);
    await transfer(receiver, sender, PING_BYTES);
    roundTrips.push(performance.now() - startMs - (2 * PING_BYTES) / bytesPerMs);
  }
  return {
    bytesPerMs,
    roundTripMs,
    rateErrorPct: round((median(rates) / bytesPerMs - 1) * 100, 2),
    roundTripErrorMs: round(median(roundTrips) - roundTripMs, 2),
    slowStartErrorMs: round(median(coldErrors), 2),
  };
}

async function transfer(from: Socket, to: Socket, numBytes: number) {
  const startMs = performance.now();
  const arriving = received(to, numBytes);
  from.write(Buffer.alloc(numBytes));
  const { firstAtMs, firstBytes, lastAtMs } = await arriving;
  return { firstMs: firstAtMs - startMs, firstBytes, lastMs: lastAtMs - startMs };
}

function received(socket: Socket, numBytes: number) {
  return new Promise<{ firstAtMs: number; firstBytes: number; lastAtMs: number }>((resolve) => {
    let count = 0;
    let firstAtMs = 0;
    let firstBytes = 0;
    const onData = (bytes: Buffer) => {
      const nowMs = performance.now();
      if (count === 0) {
        firstAtMs = nowMs;
        firstBytes = bytes.byteLength;
      }
      count += bytes.byteLength;
      if (count < numBytes) return;
      socket.off('data', onData);
      resolve({ firstAtMs, firstBytes, lastAtMs: nowMs });
    };
    socket.on('data', onData);
  });
}
