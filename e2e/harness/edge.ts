import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export interface EdgeOptions {
  /** Model repository; the project's own by default. */
  readonly models?: string;
  /** Store of prepared models. Shared between tests by default, so that a model is prepared once a run. */
  readonly store?: string;
  /** A fixed port, to come back on the same address. */
  readonly port?: number;
  readonly args?: readonly string[];
  /** Added to this process' own. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long preparation may take. */
  readonly readyWithinMs?: number;
}

/** A real edge in a process of its own. */
export class Edge implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #log: string[] = [];

  private constructor(port: number, child: ChildProcess) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => this.#log.push(String(data)));
  }

  /** Resolves when the edge says that it is ready; rejects with its log when it ends or takes too long. */
  static async start(options: EdgeOptions = {}): Promise<Edge> {
    const port = options.port ?? (await freePort());
    const args = [
      ...['apps/edge/bin/cutpoint.js', 'serve', '--port', String(port), '--page', 'dist'],
      ...['--models', options.models ?? 'models', '--store', options.store ?? '.cutpoint'],
      ...(options.args ?? []),
    ];
    const env = { ...process.env, ...options.env };
    const child = spawn(process.execPath, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const edge = new Edge(port, child);
    await edge.#waitUntilReady(options.readyWithinMs ?? 150_000);
    return edge;
  }

  get log(): string {
    return this.#log.join('');
  }

  /** Asks politely, as an operator would, and resolves with the exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** As if the machine had lost power. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** It takes what it is sent and does nothing with it, until it is killed. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process;
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, 'close');
      child.kill(signal);
      await closed;
    }
    return child.exitCode;
  }

  async #waitUntilReady(withinMs: number): Promise<void> {
    const giveUpAt = Date.now() + withinMs;
    while (Date.now() < giveUpAt) {
      if (this.#process.exitCode !== null) throw new Error(`The edge ended (${this.#process.exitCode}):\n${this.log}`);
      const isReady = await fetch(`${this.url}/v2/health/ready`).then(
        (response) => response.ok,
        () => false,
      );
      if (isReady) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await this.kill();
    throw new Error(`The edge was not ready within ${withinMs} ms:\n${this.log}`);
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}
