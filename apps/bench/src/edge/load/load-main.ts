import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@cutpoint/onnx';
import { Refusal, StreamClient } from '../../overhead/stream-client.js';
import { type ServedTail, servedTail } from '../served-tail.js';
import { threadTimes } from '../thread-times.js';
import type { ClientOrder, LoadOrder, RequestRecord } from './order.js';

/** The clients of one order, in a process of their own; says `ready`, waits for `go`, and hands in its records. */

/**
 * An answer that has not come so long after the last request is lost. By the default deadline (30 s) an edge has answered or refused,
 * however slow its machine is.
 */
const PATIENCE_MS = 35_000;

/** A tail of each model, of the version that is served now. */
class Tails {
  readonly #edgeUrl: string;
  readonly #current = new Map<string, ServedTail>();
  readonly #coming = new Map<string, Promise<void>>();

  constructor(edgeUrl: string) {
    this.#edgeUrl = edgeUrl;
  }

  static async of({ edgeUrl, models }: LoadOrder): Promise<Tails> {
    const tails = new Tails(edgeUrl);
    await Promise.all(models.map((model) => tails.renew(model)));
    return tails;
  }

  draw(random: number): ServedTail {
    const all = [...this.#current.values()];
    return all[Math.floor(random * all.length)] ?? fail('no tail to ask for');
  }

  /** Once for all who found that a version is old. */
  async renew(model: string): Promise<void> {
    const coming =
      this.#coming.get(model) ??
      servedTail(this.#edgeUrl, model)
        .then((tail) => void this.#current.set(model, tail))
        .finally(() => this.#coming.delete(model));
    this.#coming.set(model, coming);
    await coming;
  }
}

class LoadClient {
  readonly #order: ClientOrder;
  readonly #index: number;
  readonly #random: () => number;
  readonly #tails: Tails;
  readonly #edgeUrl: string;
  readonly #records: RequestRecord[];
  readonly #unanswered = new Map<number, number>();
  #stream: StreamClient;
  #next = 0;
  #vanishAtMs = Number.POSITIVE_INFINITY;
  /** Of the connection: what an earlier one was asked is nobody's. */
  #life = 0;
  #isClosed = false;

  private constructor(order: LoadOrder, index: number, tails: Tails, context: Context) {
    this.#order = order.clients[index] ?? {};
    this.#index = index;
    this.#edgeUrl = order.edgeUrl;
    this.#records = context.records;
    this.#stream = context.stream;
    this.#random = seededRandom(order.seed * 1_000 + index);
    this.#tails = tails;
  }

  static async open(order: LoadOrder, index: number, tails: Tails, records: RequestRecord[]) {
    const stream = await StreamClient.open(order.edgeUrl, addressOf(order.clients[index]?.identity ?? index));
    return new LoadClient(order, index, tails, { records, stream });
  }

  async run(untilMs: number): Promise<void> {
    this.#planVanishing();
    const { ratePerSecond, inFlight } = this.#order;
    if (ratePerSecond !== undefined) await this.#arrive(ratePerSecond, untilMs);
    else await Promise.all(Array.from({ length: inFlight ?? 1 }, () => this.#keepAsking(untilMs)));
  }

  /** What has not been answered by now is lost. */
  close(): void {
    this.#isClosed = true;
    for (const sentAtMs of this.#unanswered.values()) {
      this.#records.push({ client: this.#index, sentAtMs, outcome: 'lost' });
    }
    this.#stream[Symbol.dispose]();
  }

  get isWaiting(): boolean {
    return this.#unanswered.size > 0;
  }

  async #arrive(ratePerSecond: number, untilMs: number): Promise<void> {
    let atMs = performance.now();
    for (;;) {
      atMs += (-Math.log(1 - this.#random()) / ratePerSecond) * 1_000;
      if (atMs > untilMs) return;
      await sleep(Math.max(0, atMs - performance.now()));
      await this.#vanishWhenDue();
      void this.#ask();
    }
  }

  async #keepAsking(untilMs: number): Promise<void> {
    while (performance.now() < untilMs) {
      await this.#vanishWhenDue();
      const retryAfterMs = await this.#ask();
      if (retryAfterMs > 0) await sleep(retryAfterMs);
    }
  }

  /** @returns when to ask again at the earliest */
  async #ask(): Promise<number> {
    const { message, parts } = this.#tails.draw(this.#random());
    const { deadlineMs } = this.#order;
    const key = this.#next++;
    const life = this.#life;
    const before = threadTimes();
    const sentAtMs = performance.now();
    this.#unanswered.set(key, sentAtMs);
    const record = { client: this.#index, sentAtMs };
    try {
      const { result } = await this.#stream.infer(
        { ...message, ...(deadlineMs !== undefined && { deadlineMs }) },
        parts,
      );
      if (result.stale === true) void this.#renew(message.model);
      const tookMs = performance.now() - sentAtMs;
      const { decodeMs, tailMs, encodeMs, queueMs, totalMs } = result.timings;
      const serviceMs = decodeMs + tailMs + encodeMs;
      this.#records.push({ ...record, tookMs, outcome: 'ok', serviceMs, occupiedMs: totalMs - queueMs });
      return 0;
    } catch (error) {
      if (this.#isClosed) return 0;
      const tookMs = performance.now() - sentAtMs;
      if (error instanceof Refusal && error.code === 'stale_manifest') void this.#renew(message.model);
      const outcome = error instanceof Refusal ? error.code : life === this.#life ? 'lost' : 'vanished';
      const now = threadTimes();
      const waited = before && now && { clientWaitedMs: now.waitedMs - before.waitedMs };
      this.#records.push({ ...record, tookMs, outcome, ...waited });
      return error instanceof Refusal ? error.retryAfterMs : 0;
    } finally {
      this.#unanswered.delete(key);
    }
  }

  /** As a client does that hears of a new version; when that fails, the next answer says it again. */
  async #renew(model: string): Promise<void> {
    await this.#tails.renew(model).catch(() => undefined);
  }

  async #vanishWhenDue(): Promise<void> {
    if (performance.now() < this.#vanishAtMs) return;
    this.#planVanishing();
    this.#life += 1;
    const { message, parts } = this.#tails.draw(this.#random());
    const gone = this.#stream;
    this.#stream = await StreamClient.open(this.#edgeUrl, addressOf(this.#order.identity ?? this.#index));
    this.#records.push({ client: this.#index, sentAtMs: performance.now(), outcome: 'vanished' });
    gone.vanish(message, parts);
  }

  #planVanishing(): void {
    const { vanishesAfterMs } = this.#order;
    if (vanishesAfterMs === undefined) return;
    this.#vanishAtMs = performance.now() - Math.log(1 - this.#random()) * vanishesAfterMs;
  }
}

interface Context {
  readonly records: RequestRecord[];
  readonly stream: StreamClient;
}

/** Of the addresses that are set apart for benchmarks (RFC 2544). */
function addressOf(identity: number): string {
  return `198.18.${identity >> 8}.${identity & 255}`;
}

function fail(message: string): never {
  throw new Error(message);
}

async function run(order: LoadOrder): Promise<void> {
  const tails = await Tails.of(order);
  const records: RequestRecord[] = [];
  const clients = await Promise.all(order.clients.map((_, index) => LoadClient.open(order, index, tails, records)));
  const told = new Promise<void>((resolve) => process.once('message', () => resolve()));
  process.send?.('ready');
  await told;
  const untilMs = performance.now() + order.durationMs;
  await Promise.all(clients.map((client) => client.run(untilMs)));
  while (clients.some(({ isWaiting }) => isWaiting) && performance.now() < untilMs + PATIENCE_MS) await sleep(20);
  for (const client of clients) client.close();
  process.send?.(records);
}

process.on('disconnect', () => process.exit());
process.once('message', (order: LoadOrder) => {
  run(order).catch((error: unknown) => {
    console.error(`load: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  });
});
