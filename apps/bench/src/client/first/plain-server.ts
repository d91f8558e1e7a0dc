import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { forkPinned } from '../../live/device/pinning.js';
import { stop } from '../../live/stop.js';

/** A server without us, in a process of its own as the edge is. */
export class PlainServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(edgeUrl: string, model: string): Promise<PlainServer> {
    const main = fileURLToPath(new URL('./plain-server-main.js', import.meta.url));
    const child = forkPinned(main, [edgeUrl, model], undefined);
    const failed = once(child, 'exit').then(() => {
      throw new Error('the plain server did not start');
    });
    failed.catch(() => {});
    const [port] = await Promise.race([once(child, 'message'), failed]);
    if (typeof port !== 'number') throw new Error('the plain server did not say its port');
    return new PlainServer(child, port);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return stop(this.#child);
  }
}
