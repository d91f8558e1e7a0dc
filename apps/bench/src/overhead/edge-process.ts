import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The project's root, as seen from `apps/bench/dist/overhead`. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const CLI = join(ROOT, 'apps/edge/bin/cutpoint.js');
const START_TIMEOUT_MS = 120_000;

export interface EdgeOptions {
  readonly modelsDir: string;
  /** Whatever the edge writes (store, caches) goes under this folder. */
  readonly homeDir: string;
  readonly args?: readonly string[];
}

/** The real edge, started as a person would, in a process of its own. */
export class EdgeProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start({ modelsDir, homeDir, args = [] }: EdgeOptions): Promise<EdgeProcess> {
    const port = await freePort();
    const child = spawn(process.execPath, [CLI, 'serve', '--port', String(port), '--models', modelsDir, ...args], {
      cwd: homeDir,
      env: { ...process.env, HOME: homeDir, XDG_CACHE_HOME: join(homeDir, 'cache'), ORT_DISABLE_TELEMETRY: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    const keep = (text: Buffer) => {
      log = (log + text.toString()).slice(-4_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const edge = new EdgeProcess(`http://127.0.0.1:${port}`, child);
    try {
      await edge.#untilReady();
    } catch (error) {
      await edge[Symbol.asyncDispose]();
      throw new Error(`${error instanceof Error ? error.message : String(error)}; its last words:\n${log}`);
    }
    return edge;
  }

  async #untilReady(): Promise<void> {
    const until = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < until) {
      if (this.#child.exitCode !== null) throw new Error(`the edge stopped with exit code ${this.#child.exitCode}`);
      const response = await fetch(`${this.url}/v2/health/ready`).catch(() => undefined);
      if (response?.ok === true) return;
      await sleep(100);
    }
    throw new Error(`the edge was not ready after ${START_TIMEOUT_MS / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(killer);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
