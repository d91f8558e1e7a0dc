import type { LoadFactors, ServiceLoad } from '@cutpoint/partition';
import type { LoadReport } from '@cutpoint/protocol';
import type { Scheduler } from '../scheduler/scheduler.js';
import { type CpuReader, type CpuReading, cpuUtilisation } from './cpu.js';

const SAMPLE_EVERY_MS = 500;
/** What a refusal says may be as old as this: on its way it becomes older. */
const RECENT_MS = 5;

export interface LoadMonitorOptions {
  readonly scheduler: Scheduler;
  readonly workers: number;
  readonly factors: LoadFactors;
  /** What keeps the workers busy. */
  readonly service: ServiceLoad;
  /** Names of the models that can be run now. */
  readonly models: () => readonly string[];
  readonly readCpu: CpuReader;
  readonly gpu: { readonly value: number | null; readonly memory: number | null };
  readonly eventLoop: { readonly p99Ms: number | undefined };
  /** Connections that are told of the load. */
  readonly clients: () => number;
  readonly clock: () => number;
  /** What fades or comes from elsewhere may have changed. */
  readonly onSample?: () => void;
}

/** Everything that the edge says of its load, put together. */
export class LoadMonitor {
  readonly #options: LoadMonitorOptions;
  #cpuUtilisation = 0;
  #residentBytes = process.memoryUsage.rss();
  #cpu: CpuReading | undefined;
  #last: { readonly report: LoadReport; readonly atMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadMonitorOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#sample();
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** As of now. */
  report(): LoadReport {
    const report = this.#report();
    this.#last = { report, atMs: this.#options.clock() };
    return report;
  }

  /** As of a moment ago: for refusals, of which an edge that is full has many, and which should cost it next to nothing. */
  recent(): LoadReport {
    const last = this.#last;
    return last !== undefined && this.#options.clock() - last.atMs < RECENT_MS ? last.report : this.report();
  }

  #report(): LoadReport {
    const { scheduler, workers, factors, service, models, gpu, eventLoop, clients, clock } = this.#options;
    const nowMs = clock();
    const { busy, residualMs } = service.at(nowMs);
    const perModel = (factor: (model: string) => number) =>
      Object.fromEntries(models().map((model) => [model, round(factor(model))]));
    return {
      atMs: round(nowMs),
      queueDepth: scheduler.queueDepth,
      queueMs: round(scheduler.queueMs()),
      announcedMs: round(scheduler.announcedMs()),
      busy: round(busy),
      residualMs: round(residualMs),
      inFlight: scheduler.inFlight,
      workers,
      k: perModel((model) => factors.k(model, nowMs)),
      kWithQueue: perModel((model) => factors.kWithQueue(model, nowMs)),
      clients: clients(),
      cpuUtilisation: round(this.#cpuUtilisation),
      gpuUtilisation: gpu.value,
      gpuMemory: gpu.memory === null ? null : round(gpu.memory),
      residentBytes: this.#residentBytes,
      ...(eventLoop.p99Ms !== undefined && { eventLoopDelayMs: round(eventLoop.p99Ms) }),
    };
  }

  async #sample(): Promise<void> {
    this.#residentBytes = process.memoryUsage.rss();
    try {
      const now = await this.#options.readCpu();
      if (this.#cpu !== undefined) this.#cpuUtilisation = cpuUtilisation(this.#cpu, now);
      this.#cpu = now;
    } catch {
      // The last figure stands; a container that is being taken down loses its files.
    }
    this.#options.onSample?.();
  }
}

/** Three decimals are plenty, and a report travels with every reply. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
