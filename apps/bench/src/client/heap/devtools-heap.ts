import type { CDPSession, Page } from 'playwright-core';

/** What is sent to a worker and comes back: the protocol's own messages, as text. */
interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}
/** Of `Runtime.evaluate`, by value. */
interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string };
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
  readonly #prelude: string;
  readonly #workers = new Set<string>();
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  private constructor(cdp: CDPSession, prelude: string) {
    this.#cdp = cdp;
    this.#prelude = prelude;
  }

  /**
   * Workers that the page starts from now on are part of it.
   * @param prelude runs in each of them before its own script
   */
  static async of(page: Page, prelude: () => void): Promise<DevtoolsHeap> {
    const heap = new DevtoolsHeap(await page.context().newCDPSession(page), `(${prelude})()`);
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

  /** What an expression is in each worker, as it can be written in JSON. */
  async inWorkers(expression: string): Promise<unknown[]> {
    const values = [];
    for (const worker of this.#workers) values.push(await this.#evaluate(worker, expression));
    return values;
  }

  async #attach(): Promise<void> {
    const cdp = this.#cdp;
    cdp.on('Target.attachedToTarget', ({ sessionId }) => {
      this.#workers.add(sessionId);
      this.#begin(sessionId).catch(() => this.#workers.delete(sessionId));
    });
    cdp.on('Target.detachedFromTarget', ({ sessionId }) => this.#workers.delete(sessionId));
    cdp.on('Target.receivedMessageFromTarget', ({ message }) => {
      // The protocol's own reply, or an event without an id.
      const reply = JSON.parse(message) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    // Playwright's sessions cannot address a session within one, so a worker's messages travel inside the page's.
    await cdp.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: true, flatten: false });
  }

  async #begin(worker: string): Promise<void> {
    await this.#evaluate(worker, this.#prelude);
    await this.#sendTo(worker, 'Runtime.runIfWaitingForDebugger');
  }

  async #evaluate(worker: string, expression: string): Promise<unknown> {
    // The answer to this method.
    const answer = (await this.#sendTo(worker, 'Runtime.evaluate', { expression, returnByValue: true })) as Evaluated;
    if (answer.exceptionDetails) throw new Error(`in a worker: ${answer.exceptionDetails.text}`);
    return answer.result.value;
  }

  async #sendTo(sessionId: string, method: string, params = {}): Promise<unknown> {
    const id = this.#nextId++;
    const replied = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    await this.#cdp.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params }) });
    const { result, error } = await replied;
    if (error) throw new Error(`${method} in a worker: ${error.message}`);
    return result;
  }
}

async function sizeOf(
  send: (method: 'HeapProfiler.collectGarbage' | 'Runtime.getHeapUsage') => Promise<unknown>,
): Promise<number> {
  for (let pass = 0; pass < COLLECTIONS; pass++) await send('HeapProfiler.collectGarbage');
  const usage = (await send('Runtime.getHeapUsage')) as HeapUsage; // the answer to this method
  return usage.usedSize + usage.backingStorageSize;
}
