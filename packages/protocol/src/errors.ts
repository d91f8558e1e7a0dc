/**
 * Everything that can be wrong with a message, a frame or a request, by its stable code. The first group ends the
 * connection, because the two ends no longer agree on what was said; the second answers one request.
 */
export const CONNECTION_ERROR_CODES = [
  /** A text message is not JSON. */
  'bad_json',
  /** A text message is JSON and not a message of this protocol. */
  'bad_message',
  /** A binary frame whose header is not one of a chunk, or whose length does not agree with it. */
  'bad_frame',
  /** A message or frame above the size limit. */
  'frame_too_large',
  /** A chunk of a request that nobody announced. */
  'unknown_id',
  /** A chunk that does not begin where the last one ended, or goes past the announced end. */
  'bad_offset',
  /** An id of a request that is still in flight. */
  'duplicate_id',
  /** The other end does not read what it is sent. */
  'slow_reader',
] as const;

export const REQUEST_ERROR_CODES = [
  'unknown_model',
  'model_not_ready',
  'stale_manifest',
  'unknown_cut',
  'bad_tensors',
  'too_large',
  'too_many_in_flight',
  'overloaded',
  'deadline_exceeded',
  'upload_timeout',
  'cancelled',
  'tail_failed',
  'shutting_down',
] as const;

/** Every `code` of an answer over HTTP that is not what was asked for; the upgrade of the stream included. */
export const HTTP_ERROR_CODES = [
  'bad_request',
  'subprotocol_required',
  'unauthorised',
  'origin_not_allowed',
  'unknown_host',
  'unknown_model',
  'unknown_object',
  'not_found',
  'no_page',
  'body_too_large',
  'upgrade_required',
  'rate_limited',
  'internal_error',
  'model_not_ready',
  'shutting_down',
  'too_many_connections',
] as const;
export type HttpErrorCode = (typeof HTTP_ERROR_CODES)[number];

export type ProtocolErrorCode = (typeof CONNECTION_ERROR_CODES)[number] | (typeof REQUEST_ERROR_CODES)[number];

/** WebSocket close codes that follow an `error` whose id is `null`. */
const CLOSE_CODES: ReadonlyMap<string, number> = new Map([
  ['frame_too_large', 1009],
  ['duplicate_id', 1008],
  ['slow_reader', 1008],
]);
const PROTOCOL_VIOLATION = 1002;

/** Something that the other end sent, or wants to send, is not what `cutpoint.v1` allows. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ProtocolErrorCode;

  constructor(code: ProtocolErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The WebSocket close code for a connection that ends because of this. */
export function closeCodeOf({ code }: ProtocolError): number {
  return CLOSE_CODES.get(code) ?? PROTOCOL_VIOLATION;
}
