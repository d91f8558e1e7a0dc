import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The project's root, as seen from `apps/bench/dist/overhead`. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const CLI = join(ROOT, 'apps/edge/bin/cutpoint.js');
const START_TIMEOUT_MS = 120_000;
/** Preparing a network times its heads and tails; it is done once per store. */
const PREPARE_LIMIT_MS = 15 * 60_000;
const POLL_MS = 500;

export interface EdgeOptions {
  readonly modelsDir: string;
  /** Where the edge is started; its store goes there. */
  readonly homeDir: string;
  readonly args?: readonly string[];
  /** The only core that it may use; left out for any. */
  readonly core?: number | undefined;
}

/** The real edge, started as a person would, in a process of its own. */
export class EdgeProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.#child = child;
  }

  static async start({ modelsDir, homeDir, args = [], core }: EdgeOptions): Promise<EdgeProcess> {
    const command = [process.execPath, CLI, 'serve', '--port', '0', '--models', modelsDir, ...args];
    const [file = '', ...rest] = core === undefined ? command : ['taskset', '-c', String(core), ...command];
    const child = spawn(file, rest, {
      cwd: homeDir,
      env: { ...process.env, HOME: homeDir, ORT_DISABLE_TELEMETRY: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    const listening = new Promise<string>((resolve, reject) => {
      const read = (text: Buffer) => {
        log = (log + text.toString()).slice(-4_000);
        const url = /serves at (http:\S+)/.exec(log)?.[1];
        if (url !== undefined) resolve(url);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the edge stopped with exit code ${code}`)));
    });
    const giveUp = setTimeout(() => child.kill(), START_TIMEOUT_MS);
    try {
      const edge = new EdgeProcess(await listening, child);
      await edge.#untilReady();
      return edge;
    } catch (error) {
      child.kill();
      throw new Error(`${error instanceof Error ? error.message : String(error)}; its last words:\n${log}`);
    } finally {
      clearTimeout(giveUp);
    }
  }

  /** Waits until a model can be used; those that are prepared on demand are begun by this. */
  async untilPrepared(model: string, print: (line: string) => void): Promise<void> {
    const startMs = performance.now();
    for (let isFirst = true; ; isFirst = false) {
      const response = await fetch(`${this.url}/v1/models/${model}/manifest`);
      const text = await response.text();
      if (response.status === 200) return;
      if (response.status !== 202 || performance.now() - startMs > PREPARE_LIMIT_MS) {
        throw new Error(`the edge has no ${model}: ${text}`);
      }
      if (isFirst) print(`The edge prepares ${model} …`);
      await sleep(POLL_MS);
    }
  }

  async #untilReady(): Promise<void> {
    while (this.#child.exitCode === null && this.#child.signalCode === null) {
      const response = await fetch(`${this.url}/v2/health/ready`).catch(() => undefined);
      if (response?.ok === true) return;
      await sleep(100);
    }
    throw new Error('the edge stopped before it was ready');
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
