import type { EdgeTimings, ProtocolErrorCode, TensorHeader } from '@cutpoint/protocol';
import type { Provider } from '../dispatcher/dispatcher.js';

/** How one `infer` came, and when it was where. Times are ms of the edge's monotonic clock. */
export interface Course {
  readonly over: 'websocket' | 'http';
  readonly cut?: number | undefined;
  /** What came, as it travelled; absent over HTTP, where all tensors are raw. */
  readonly tensors?: readonly TensorHeader[] | undefined;
  /** The span of its client that it belongs to, in the words of W3C Trace Context and as they came: perhaps nonsense. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  readonly announcedAtMs: number;
  /** It was found right, and its payload waited for. */
  readonly isAdmitted?: true;
  /** When its payload was whole. */
  readonly uploadedAtMs?: number | undefined;
  /** When its tail's turn had come. */
  readonly startedAtMs?: number | undefined;
}

/** One `infer` that is over, over the WebSocket or plain HTTP. */
export interface SettledRequest {
  /** `undefined` when it named none that this edge has. */
  readonly model: string | undefined;
  /** `ok`, or why it has no answer. `cancelled` too when its client was gone. */
  readonly code: 'ok' | ProtocolErrorCode | 'internal_error';
  /** Bytes of tensors and pictures that came, */
  readonly receivedBytes: number;
  /** and that its answer has. */
  readonly sentBytes: number;
  /** Of an answer. */
  readonly timings?: EdgeTimings;
  /** Where its tail ran. */
  readonly provider?: Provider;
  readonly course: Course;
}
