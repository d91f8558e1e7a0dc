import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import * as v from 'valibot';

/** 0..1; the busiest GPU where there are several. */
const utilisationSchema = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** What the GPU of this machine is doing; {@link value} is `null` where there is none that can be read. */
export class GpuMonitor {
  readonly #worker: Worker;
  #value: number | null = null;

  /** Reads on a thread of its own: `nvidia-smi` is run synchronously and takes its time. */
  constructor() {
    this.#worker = new Worker(createRequire(import.meta.url).resolve('@cutpoint/edge/gpu-worker'));
    this.#worker.unref();
    this.#worker.on('message', (message: unknown) => {
      const parsed = v.safeParse(utilisationSchema, message);
      this.#value = parsed.success ? parsed.output : null;
    });
    // A GPU that can no longer be read is one that nothing is known of.
    this.#worker.on('error', () => {
      this.#value = null;
    });
    this.#worker.on('exit', () => {
      this.#value = null;
    });
  }

  get value(): number | null {
    return this.#value;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
