import type { LoadReport } from '@cutpoint/protocol';

/** At most ten a second. */
const MIN_INTERVAL_MS = 100;
/** Also when nothing changes, so that a client can tell an idle edge from a silent one. */
const HEARTBEAT_MS = 2_000;
/** A wait that moved by less than this, or by less than a fifth, changes no decision. */
const WAIT_STEP_MS = 2;
const RELATIVE_STEP = 0.2;
const UTILISATION_STEP = 0.1;
const BUSY_STEP = 0.1;

/** Pushes load reports: when something changed that matters, and slowly when nothing did. */
export class LoadPublisher {
  readonly #read: () => LoadReport;
  readonly #publish: (report: LoadReport) => void;
  readonly #clock: () => number;
  #last: LoadReport | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #pending: NodeJS.Timeout | undefined;
  readonly #heartbeat: NodeJS.Timeout;

  /** @param clock monotonic, in ms. */
  constructor(read: () => LoadReport, publish: (report: LoadReport) => void, clock: () => number) {
    this.#read = read;
    this.#publish = publish;
    this.#clock = clock;
    this.#heartbeat = setInterval(() => this.#send(read()), HEARTBEAT_MS).unref();
  }

  /** Something may have changed: looks at it soon, and never more often than {@link MIN_INTERVAL_MS}. */
  touch(): void {
    this.#pending ??= setTimeout(
      () => {
        this.#pending = undefined;
        this.#lookedAtMs = this.#clock();
        const report = this.#read();
        if (this.#last === undefined || isMaterial(this.#last, report)) this.#send(report);
      },
      Math.max(0, this.#lookedAtMs + MIN_INTERVAL_MS - this.#clock()),
    ).unref();
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#pending);
  }

  #send(report: LoadReport): void {
    this.#last = report;
    this.#publish(report);
  }
}

/** Whether a client could decide otherwise because of it. */
function isMaterial(before: LoadReport, after: LoadReport): boolean {
  if (before.queueDepth !== after.queueDepth) return true;
  if (isOtherWait(before.queueMs, after.queueMs)) return true;
  if (isOtherWait(before.announcedMs, after.announcedMs)) return true;
  if (isOtherWait(before.residualMs, after.residualMs)) return true;
  if (Math.abs((after.busy ?? 0) - (before.busy ?? 0)) > BUSY_STEP) return true;
  if (Math.abs(after.cpuUtilisation - before.cpuUtilisation) > UTILISATION_STEP) return true;
  if (Math.abs((after.gpuUtilisation ?? 0) - (before.gpuUtilisation ?? 0)) > UTILISATION_STEP) return true;
  const models = new Set([...Object.keys(before.k), ...Object.keys(after.k)]);
  return [...models].some((model) => {
    const [was, is] = [before.k[model], after.k[model]];
    return was === undefined || is === undefined || Math.abs(is - was) > RELATIVE_STEP * was;
  });
}

function isOtherWait(beforeMs = 0, afterMs = 0): boolean {
  return Math.abs(afterMs - beforeMs) > Math.max(WAIT_STEP_MS, RELATIVE_STEP * beforeMs);
}
