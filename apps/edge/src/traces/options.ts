import type { RequestTrace } from './request-trace.js';

/** Where spans go. */
export interface TracesOptions {
  /** Takes OTLP over HTTP as JSON: `http://collector:4318/v1/traces`. */
  readonly url: string;
  /** Sent along with the spans; may be secret. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the thread is started with. */
export interface ThreadOptions extends TracesOptions {
  /** Of the edge. */
  readonly version: string;
}

/** What the thread is told. */
export type ThreadTask = { readonly traces: readonly RequestTrace[] } | { readonly close: true };

/** What the thread says. */
export type ThreadNews =
  /** The collector does not take them, however often it is tried. Told once, until it takes some again. */
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'taken-again' }
  /** Of OpenTelemetry's library: one of its variables is wrong, say. Told once each. */
  | { readonly type: 'complaint'; readonly text: string }
  | { readonly type: 'closed'; readonly lostSpans: number };
