import type { TransferSample } from '@cutpoint/partition';
import type { TailReply } from './transport/requests.js';

/** Of what the upload seems to have taken by this page's clock so much is believed, less a timer's grain. */
const BELIEVED_SHARE = 0.7;
const GRAIN_MS = 1;

/**
 * The upload of one request, as it teaches the link. The edge stamps chunks when its event loop gets to them: if that is
 * late, they all seem to come at once. So its span is no shorter than most of what is left of the whole round by this
 * page's own clock when everything else is taken out.
 *
 * @param leastRoundTripMs shortest round trip of small frames lately; `undefined` when none is known
 */
export function observedUpload(
  reply: TailReply,
  bytesUp: number,
  leastRoundTripMs: number | undefined,
): TransferSample {
  const { arrivals, upIdleMs, timings, roundMs, downloadMs, wasAlone } = reply;
  // The answer tells of it: half a round trip after the last byte left it was there, and as much after the answer left.
  const agoMs = timings.totalMs + downloadMs + (leastRoundTripMs ?? 0);
  const sample = { ...arrivals, agoMs, ...(upIdleMs === undefined ? {} : { idleMs: upIdleMs }) };
  if (!wasAlone || leastRoundTripMs === undefined || bytesUp === 0) return sample;
  const uploadMs = roundMs - timings.totalMs - downloadMs - leastRoundTripMs;
  const leastSpanMs = (BELIEVED_SHARE * uploadMs - GRAIN_MS) * (arrivals.numBytes / bytesUp);
  return leastSpanMs > sample.spanMs ? { ...sample, spanMs: leastSpanMs } : sample;
}
