import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { forkPinned } from '../device/pinning.js';
import { stop } from '../stop.js';
import type { LoadOrder } from './load-spec.js';

/** The load on the edge, for as long as it is held. */
export class RunningLoad implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** @param core of the edge: what serves others shares it with what serves this client */
  static async start(order: LoadOrder, core: number | undefined): Promise<RunningLoad> {
    const { load } = order;
    const children: ChildProcess[] = [];
    if (load.hasNeighbour) children.push(start('./neighbour-main.js', core));
    if (load.busyClients > 0 || load.utilisation > 0) {
      const child = start('./load-main.js', core);
      children.push(child);
      child.send(order);
      const failed = once(child, 'exit').then(() => {
        throw new Error('the load did not start');
      });
      failed.catch(() => {});
      await Promise.race([once(child, 'message'), failed]);
    }
    return new RunningLoad(children);
  }

  /** Whether all of it still runs. */
  get isComplete(): boolean {
    return this.#children.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map(stop));
  }
}

function start(script: string, core: number | undefined): ChildProcess {
  return forkPinned(fileURLToPath(new URL(script, import.meta.url)), [], core);
}
