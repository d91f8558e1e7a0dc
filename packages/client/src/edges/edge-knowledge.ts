import { type EdgeLoad, EdgeLoadTracker, LinkState } from '@cutpoint/partition';
import type { LoadReport } from '@cutpoint/protocol';
import type { ConnectionEvents } from '../transport/connection-events.js';

/** What is learnt of one edge: the way there, and how busy it is with each model. It is kept while another one is in use. */
export class EdgeKnowledge {
  readonly link = new LinkState();
  readonly #loads = new Map<string, EdgeLoadTracker>();
  lastReport: LoadReport | undefined;

  loadOf(model: string, nowMs: number): EdgeLoadTracker {
    let load = this.#loads.get(model);
    if (!load) {
      load = new EdgeLoadTracker();
      this.#loads.set(model, load);
      if (this.lastReport) {
        load.observe(queueOf(this.lastReport), nowMs);
        observeLoad(load, model, this.lastReport, nowMs);
      }
    }
    return load;
  }

  onLoad(report: LoadReport, nowMs: number): void {
    this.lastReport = report;
    for (const [model, load] of this.#loads) observeLoad(load, model, report, nowMs);
  }

  onQueue(queue: ConnectionEvents['queue'], nowMs: number): void {
    for (const load of this.#loads.values()) load.observe(queueOf(queue), nowMs);
  }

  /** Of whatever model: all run on the same workers. */
  onOwnTail(serviceMs: number, nowMs: number): void {
    for (const load of this.#loads.values()) load.observeOwn(serviceMs, nowMs);
  }
}

/** What of a report is only believed when no work of this page is in it. */
function queueOf({ queueMs, announcedMs }: ConnectionEvents['queue']): EdgeLoad {
  return { queueMs, announcedMs };
}

/** All of a report but the queue. */
function observeLoad(tracker: EdgeLoadTracker, model: string, report: LoadReport, nowMs: number): void {
  const { busy, residualMs, workers, gpuUtilisation, clients } = report;
  const [k, kWithQueue] = [report.k[model], report.kWithQueue?.[model]];
  tracker.observe({ busy, residualMs, workers, gpuUtilisation, clients, k, kWithQueue }, nowMs);
}
