import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { forkPinned } from '../device/pinning.js';
import { stop } from '../stop.js';
import type { LinkShape } from './link-model.js';

/** The shaping proxy in a process of its own, so that nothing that the bench does makes its link jitter. */
export class ProxyProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** @param what is shaped: by default what a client sends to be computed, and not what it downloads */
  static async start(
    edgeUrl: string,
    core: number | undefined,
    what: 'websockets' | 'all' = 'websockets',
  ): Promise<ProxyProcess> {
    const main = fileURLToPath(new URL('./proxy-main.js', import.meta.url));
    const child = forkPinned(main, [new URL(edgeUrl).port, what], core);
    const [port] = await once(child, 'message');
    if (typeof port !== 'number') throw new Error('the proxy did not say its port');
    return new ProxyProcess(child, port);
  }

  /** `undefined`: no shape, as fast as loopback. */
  setShape(shape: LinkShape | undefined): void {
    this.#child.send({ shape });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return stop(this.#child);
  }
}
