import type { EdgeTimings, ProtocolErrorCode } from '@cutpoint/protocol';

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
}
