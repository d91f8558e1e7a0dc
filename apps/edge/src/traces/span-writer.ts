import { randomUUID } from 'node:crypto';
import {
  type Attributes,
  type Context,
  DiagLogLevel,
  defaultTextMapGetter,
  diag,
  type HrTime,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace as traces,
} from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ThreadNews, ThreadOptions } from './options.js';
import type { RequestTrace } from './request-trace.js';
import { stagesOf } from './stages.js';
import { WatchedExporter } from './watched-exporter.js';

const US_PER_S = 1_000_000;
const NS_PER_US = 1000;

/**
 * Makes spans of requests that are over, and sends them in batches. Sampling, batches, time limits and whose spans these are OpenTelemetry's
 * library reads from the variables that it has for it (`OTEL_…`).
 */
export class SpanWriter {
  readonly #provider: BasicTracerProvider;
  readonly #exporter: WatchedExporter;
  readonly #tracer: Tracer;
  readonly #propagator = new W3CTraceContextPropagator();
  #writtenSpans = 0;

  constructor({ url, headers, version }: ThreadOptions, tell: (news: ThreadNews) => void) {
    listen(tell);
    this.#exporter = new WatchedExporter(new OTLPTraceExporter({ url, headers: { ...headers } }), {
      onRefused: (reason) => tell({ type: 'refused', reason }),
      onTakenAgain: () => tell({ type: 'taken-again' }),
    });
    const own = { 'service.name': 'cutpoint-edge', 'service.version': version, 'service.instance.id': randomUUID() };
    this.#provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes(own))
        .merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [new BatchSpanProcessor(this.#exporter)],
    });
    this.#tracer = this.#provider.getTracer('@cutpoint/edge', version);
  }

  write(request: RequestTrace): void {
    const { startUs, endUs, stages } = stagesOf(request);
    const { model, code } = request;
    const parent = this.#parentOf(request);
    const span = this.#tracer.startSpan(
      model === undefined ? 'infer' : `infer ${model}`,
      { kind: SpanKind.SERVER, startTime: timeOf(startUs), attributes: attributesOf(request) },
      parent,
    );
    if (!span.isRecording()) return;
    const within = traces.setSpan(parent, span);
    for (const stage of stages) {
      this.#tracer.startSpan(stage.name, { startTime: timeOf(stage.startUs) }, within).end(timeOf(stage.endUs));
    }
    if (code !== 'ok') span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    span.end(timeOf(endUs));
    this.#writtenSpans += 1 + stages.length;
  }

  /** Sends what is left. @returns how many spans never arrived since the start */
  async close(): Promise<number> {
    // What could not be sent was told.
    await this.#provider.shutdown().catch(() => undefined);
    return this.#writtenSpans - this.#exporter.deliveredSpans;
  }

  /** What is no `traceparent` makes a trace of its own. */
  #parentOf({ traceparent, tracestate }: RequestTrace): Context {
    return this.#propagator.extract(ROOT_CONTEXT, { traceparent, tracestate }, defaultTextMapGetter);
  }
}

/** Names are those of OpenTelemetry's semantic conventions where it has any. */
function attributesOf(request: RequestTrace): Attributes {
  const { model, cut, codecs, code, receivedBytes, sentBytes, provider, over } = request;
  return {
    'network.protocol.name': over,
    ...(code === 'ok' ? {} : { 'error.type': code }),
    ...(model === undefined ? {} : { 'cutpoint.model': model }),
    ...(cut === undefined ? {} : { 'cutpoint.cut': cut }),
    ...(codecs.length === 0 ? {} : { 'cutpoint.codecs': [...codecs] }),
    'cutpoint.received_bytes': receivedBytes,
    'cutpoint.sent_bytes': sentBytes,
    ...(provider === undefined ? {} : { 'cutpoint.execution_provider': provider }),
  };
}

function timeOf(us: number): HrTime {
  return [Math.floor(us / US_PER_S), (us % US_PER_S) * NS_PER_US];
}

/** Hears what the library complains of, each kind of complaint once. That spans were not taken is told by who sends them. */
function listen(tell: (news: ThreadNews) => void): void {
  const told = new Set<string>();
  const complain = (text: string) => {
    const kind = text.replace(/\d+/g, '0');
    if (told.has(kind)) return;
    told.add(kind);
    tell({ type: 'complaint', text });
  };
  const ignore = () => undefined;
  diag.setLogger(
    { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore },
    { logLevel: DiagLogLevel.WARN },
  );
  setGlobalErrorHandler(ignore);
}
