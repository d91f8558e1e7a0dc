import type { EdgeLoad } from '@cutpoint/partition';
import type { LoadNews } from './edge-server.js';

/** The figures of `apps/edge/src/load/load-publisher.ts`: at most ten reports a second, and one without any change. */
const MIN_INTERVAL_MS = 100;
const HEARTBEAT_MS = 2_000;
const QUEUE_STEP_MS = 2;
const RELATIVE_STEP = 0.2;
const UTILISATION_STEP = 0.1;
const BUSY_STEP = 0.1;

/** When the edge pushes a report: after a change that matters, and slowly when there is none. */
export class ReportGate {
  #lookAtMs = Number.POSITIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #heartbeatAtMs = 0;
  #last: LoadNews | undefined;
  #lastDepth = 0;

  /** Something may have changed. */
  touch(atMs: number): void {
    if (this.#lookAtMs === Number.POSITIVE_INFINITY)
      this.#lookAtMs = Math.max(atMs, this.#lookedAtMs + MIN_INTERVAL_MS);
  }

  get dueAtMs(): number {
    return Math.min(this.#lookAtMs, this.#heartbeatAtMs);
  }

  /** Whether what the edge sees at {@link dueAtMs} is pushed. @param depth requests that wait */
  passes(news: LoadNews, depth: number): boolean {
    const isHeartbeat = news.atMs >= this.#heartbeatAtMs;
    if (isHeartbeat) this.#heartbeatAtMs += HEARTBEAT_MS;
    if (news.atMs >= this.#lookAtMs) {
      this.#lookAtMs = Number.POSITIVE_INFINITY;
      this.#lookedAtMs = news.atMs;
    }
    if (!isHeartbeat && this.#last !== undefined && depth === this.#lastDepth && !isMaterial(this.#last, news)) {
      return false;
    }
    this.#last = news;
    this.#lastDepth = depth;
    return true;
  }
}

function isMaterial(before: LoadNews, after: LoadNews): boolean {
  for (const [model, is] of after.byModel) {
    const was = before.byModel.get(model);
    if (was === undefined || moved(was, is)) return true;
  }
  return false;
}

function moved(was: EdgeLoad, is: EdgeLoad): boolean {
  const queueStep = Math.max(QUEUE_STEP_MS, RELATIVE_STEP * (was.queueMs ?? 0));
  const k = was.k ?? 1;
  return (
    Math.abs((is.queueMs ?? 0) - (was.queueMs ?? 0)) > queueStep ||
    Math.abs((is.announcedMs ?? 0) - (was.announcedMs ?? 0)) > queueStep ||
    Math.abs((is.residualMs ?? 0) - (was.residualMs ?? 0)) >
      Math.max(QUEUE_STEP_MS, RELATIVE_STEP * (was.residualMs ?? 0)) ||
    Math.abs((is.busy ?? 0) - (was.busy ?? 0)) > BUSY_STEP ||
    Math.abs((is.gpuUtilisation ?? 0) - (was.gpuUtilisation ?? 0)) > UTILISATION_STEP ||
    Math.abs((is.k ?? 1) - k) > RELATIVE_STEP * k
  );
}
