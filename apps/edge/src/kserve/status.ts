import type { ProtocolErrorCode } from '@cutpoint/protocol';

/** How HTTP says what is wrong with a request. */
const STATUS: Readonly<Partial<Record<ProtocolErrorCode, number>>> = {
  bad_json: 400,
  bad_message: 400,
  bad_tensors: 400,
  unknown_model: 404,
  unknown_cut: 404,
  upload_timeout: 408,
  too_large: 413,
  too_many_in_flight: 429,
  tail_failed: 500,
  model_not_ready: 503,
  overloaded: 503,
  shutting_down: 503,
  deadline_exceeded: 504,
};

export function httpStatusOf(code: ProtocolErrorCode): number {
  return STATUS[code] ?? 500;
}

/** Worth trying again, after a while. */
export function isPassing(code: ProtocolErrorCode): boolean {
  return code === 'too_many_in_flight' || code === 'overloaded' || code === 'shutting_down';
}
