import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-base';

export interface ExportEvents {
  onRefused(reason: string): void;
  onTakenAgain(): void;
}

/** Says once that spans are not delivered any more, and once that they are again. */
export class WatchedExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #events: ExportEvents;
  #deliveredSpans = 0;
  #isRefused = false;

  constructor(exporter: SpanExporter, events: ExportEvents) {
    this.#exporter = exporter;
    this.#events = events;
  }

  get deliveredSpans(): number {
    return this.#deliveredSpans;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) this.#delivered(spans.length);
      else this.#failed(result.error);
      done(result);
    });
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown();
  }

  #delivered(numSpans: number): void {
    this.#deliveredSpans += numSpans;
    if (this.#isRefused) this.#events.onTakenAgain();
    this.#isRefused = false;
  }

  #failed(error: Error | undefined): void {
    if (!this.#isRefused) this.#events.onRefused(error?.message || 'no reason known');
    this.#isRefused = true;
  }
}
