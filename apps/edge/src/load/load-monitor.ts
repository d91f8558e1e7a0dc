import type { LoadReport } from '@cutpoint/protocol';
import type { Scheduler } from '../scheduler/scheduler.js';
import { type CpuReader, type CpuReading, cpuUtilisation } from './cpu.js';
import type { LoadFactors } from './load-factor.js';

const CPU_EVERY_MS = 500;

export interface LoadMonitorOptions {
  readonly scheduler: Scheduler;
  readonly workers: number;
  readonly factors: LoadFactors;
  /** Names of the models that can be run now. */
  readonly models: () => readonly string[];
  readonly readCpu: CpuReader;
  readonly gpuUtilisation: () => number | null;
  readonly clock: () => number;
}

/** Everything that the edge says of its load, put together. */
export class LoadMonitor {
  readonly #options: LoadMonitorOptions;
  #cpuUtilisation = 0;
  #cpu: CpuReading | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadMonitorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#sampleCpu();
    this.#timer = setInterval(() => void this.#sampleCpu(), CPU_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  report(): LoadReport {
    const { scheduler, workers, factors, models, gpuUtilisation, clock } = this.#options;
    return {
      atMs: round(clock()),
      queueDepth: scheduler.queueDepth,
      queueMs: round(scheduler.queueMs()),
      inFlight: scheduler.inFlight,
      workers,
      k: Object.fromEntries(models().map((model) => [model, round(factors.get(model))])),
      cpuUtilisation: round(this.#cpuUtilisation),
      gpuUtilisation: gpuUtilisation(),
    };
  }

  async #sampleCpu(): Promise<void> {
    try {
      const now = await this.#options.readCpu();
      if (this.#cpu !== undefined) this.#cpuUtilisation = cpuUtilisation(this.#cpu, now);
      this.#cpu = now;
    } catch {
      // The last figure stands; a container that is being taken down loses its files.
    }
  }
}

/** Three decimals are plenty, and a report travels with every reply. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
