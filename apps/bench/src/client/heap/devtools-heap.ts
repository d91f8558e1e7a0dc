import type { CDPSession, Page } from 'playwright-core';

type Command = 'HeapProfiler.collectGarbage' | 'Runtime.getHeapUsage';
/** What is sent to a worker and comes back: the protocol's own messages, as text. */
interface Reply {
  readonly id: number;
  readonly result?: HeapUsage;
  readonly error?: { readonly message: string };
}
interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}

/** What becomes free only when finalisers have run goes with the second. */
const COLLECTIONS = 3;

/** The JavaScript heap of a page and of its workers, as the developer tools see it. */
export class DevtoolsHeap {
  readonly #cdp: CDPSession;
  readonly #workers = new Set<string>();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  private constructor(cdp: CDPSession) {
    this.#cdp = cdp;
  }

  /** Workers that the page starts from now on are part of it. */
  static async of(page: Page): Promise<DevtoolsHeap> {
    const heap = new DevtoolsHeap(await page.context().newCDPSession(page));
    await heap.#attach();
    return heap;
  }

  get numWorkers(): number {
    return this.#workers.size;
  }

  /** After a collection: objects, and what array buffers hold; no wasm memory. */
  async numBytes(): Promise<number> {
    const sizes = [await sizeOf((method) => this.#cdp.send(method))];
    for (const worker of this.#workers) sizes.push(await sizeOf((method) => this.#sendTo(worker, method)));
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  async #attach(): Promise<void> {
    const cdp = this.#cdp;
    cdp.on('Target.attachedToTarget', ({ sessionId }) => this.#workers.add(sessionId));
    cdp.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    cdp.on('Target.receivedMessageFromTarget', ({ message }) => {
      // The protocol's own reply, or an event without an id.
      const reply = JSON.parse(message) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    // Playwright's sessions cannot address a session within one, so a worker's messages travel inside the page's.
    await cdp.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  }

  async #sendTo(sessionId: string, method: Command): Promise<HeapUsage | undefined> {
    const id = this.#nextId++;
    const replied = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    await this.#cdp.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
    const { result, error } = await replied;
    if (error) throw new Error(`${method} in a worker: ${error.message}`);
    return result;
  }
}

async function sizeOf(send: (method: Command) => Promise<unknown>): Promise<number> {
  for (let pass = 0; pass < COLLECTIONS; pass++) await send('HeapProfiler.collectGarbage');
  const usage = (await send('Runtime.getHeapUsage')) as HeapUsage; // the answer to this method
  return usage.usedSize + usage.backingStorageSize;
}
