import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@cutpoint/onnx';
import { StreamClient } from '../../overhead/stream-client.js';
import type { LoadOrder } from './load-spec.js';
import { type WholeRequest, wholeRequestOf } from './whole-request.js';

/** Puts the load of one order on the edge, over its own protocol, until the parent ends it. */

/** Random arrivals that find so many requests of theirs unanswered go elsewhere: a real client would. */
const MOST_WAITING = 8;

async function run({ edgeUrl, models, load, seed }: LoadOrder): Promise<void> {
  const requests = await Promise.all(models.map((model) => wholeRequestOf(edgeUrl, model)));
  const random = seededRandom(seed);
  const draw = () => requests[Math.floor(random() * requests.length)];
  const busy = await clientsOf(edgeUrl, load.busyClients);
  for (const client of busy) void keepBusy(client, draw);
  if (load.utilisation > 0) {
    const meanTailMs = requests.reduce((sum, { tailMs }) => sum + tailMs, 0) / requests.length;
    const free = await clientsOf(edgeUrl, MOST_WAITING);
    void arriveAtRandom(free, draw, () => (-Math.log(1 - random()) * meanTailMs) / load.utilisation);
  }
}

async function keepBusy(client: StreamClient, draw: () => WholeRequest | undefined): Promise<void> {
  for (;;) await send(client, draw());
}

async function arriveAtRandom(
  free: StreamClient[],
  draw: () => WholeRequest | undefined,
  gapMs: () => number,
): Promise<void> {
  let atMs = performance.now();
  for (;;) {
    atMs += gapMs();
    await sleep(Math.max(0, atMs - performance.now()));
    const client = free.shift();
    if (client) void send(client, draw()).then(() => free.push(client));
  }
}

async function send(client: StreamClient, request: WholeRequest | undefined): Promise<void> {
  if (!request) return;
  await client.infer(request.message, request.parts);
}

function clientsOf(url: string, count: number): Promise<StreamClient[]> {
  return Promise.all(Array.from({ length: count }, () => StreamClient.open(url)));
}

process.on('disconnect', () => process.exit());
process.once('message', (order: LoadOrder) => {
  run(order).then(
    () => process.send?.('running'),
    (error: unknown) => {
      console.error(`load: ${error instanceof Error ? error.message : String(error)}`);
      process.exit(1);
    },
  );
});
