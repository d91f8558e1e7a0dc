import type { LoadReport, SessionEvents, Trace } from '@cutpoint/client';
import { formatBytes, formatDrop, formatMs } from '../format.js';
import { type HeardLink, ratesOf } from '../panels/facts.js';

/** What the page heard last, by which the effect of each control is told. */
export interface Heard {
  readonly load: LoadReport | undefined;
  readonly link: HeardLink;
  readonly connection: SessionEvents['state'] | undefined;
  /** Tries to connect that failed since the connection was lost. */
  readonly failedTries: number;
  /** The last inference with a head, and the last of all. */
  readonly withHead: Trace | undefined;
  readonly last: Trace | undefined;
  readonly model: string;
  /** What inferences sent in the last {@link SENT_OVER_MS}. */
  readonly sent: readonly { readonly atMs: number; readonly numBytes: number }[];
  /** Who makes the link slower than it is. */
  readonly linkMadeBy: 'page' | 'edge' | undefined;
}

export const SENT_OVER_MS = 10_000;
const NOTHING_RAN = 'nothing has run yet';

/** Each in words with its numbers; nothing here is what was asked for. */
export function measuredLink({ link, linkMadeBy }: Heard): string {
  const { up, down } = ratesOf(link);
  return `up ${up}; down ${down}${linkMadeBy === undefined ? '' : ` (${emulatedBy(linkMadeBy)})`}`;
}

/** A real delay of a real transfer, by a link that is not there. */
export function emulatedBy(linkMadeBy: 'page' | 'edge'): string {
  return linkMadeBy === 'page'
    ? 'emulated: this page waits before it sends'
    : 'emulated: the edge waits before it reads';
}

export function measuredRoundTrip({
  link: {
    link: { fixedMs },
  },
}: Heard): string {
  return fixedMs === undefined ? 'no answer yet' : `${formatMs(fixedMs)} there and back`;
}

export function measuredConnection({ connection, failedTries }: Heard): string {
  if (connection === undefined || connection.state === 'online') return 'connected';
  const wait = connection.retryInMs === undefined ? '' : `; waits ${formatMs(connection.retryInMs)} before the next`;
  return `not connected (${connection.reason}), ${failedTries} ${failedTries === 1 ? 'try' : 'tries'} failed${wait}`;
}

export function measuredLoad({ load, model }: Heard): string {
  if (load === undefined) return 'nothing reported yet';
  const k = load.k[model];
  const queue = `queue ${formatMs(load.queueMs)}, ${load.queueDepth} waiting, ${load.inFlight} of ${load.workers} running`;
  return k === undefined ? queue : `${queue}, k ${k.toFixed(2)}`;
}

export function measuredDevice({ withHead, last }: Heard): string {
  if (withHead === undefined) return 'no head has run here yet';
  const d = (last ?? withHead).plan?.conditions.d;
  const factor = d === undefined ? '' : `d ${d.value.toFixed(2)}, `;
  return `${factor}the last head took ${formatMs(withHead.headMs)}`;
}

export function measuredCodec({ last }: Heard): string {
  if (last === undefined) return NOTHING_RAN;
  if (last.bytesUp === 0) return 'the last inference sent nothing';
  return `the last inference sent ${formatBytes(last.bytesUp)} as ${last.codec}`;
}

export function measuredInput({ last }: Heard): string {
  if (last === undefined) return NOTHING_RAN;
  if (last.bytesUp === 0) return 'the last inference sent nothing';
  const sentInput = last.cut === 0 || last.plan?.chosen.arm.sendsInput === true;
  return sentInput
    ? 'the last inference sent its input'
    : `the last inference sent what its layers made of it, cut ${last.cut}`;
}

/** Not measured here and now: the edge did, over calibration inputs. */
export function measuredAccuracy({ last }: Heard): string {
  const { arm } = last?.plan?.chosen ?? {};
  if (arm === undefined) return NOTHING_RAN;
  if (!arm.usesEdge) return 'nothing crosses, nothing is lost';
  return `${arm.codec} at cut ${arm.cut} costs ${formatDrop(arm.accuracyDrop ?? 0)}, as the edge found when it prepared the model`;
}

export function measuredSent({ sent }: Heard): string {
  const since = performance.now() - SENT_OVER_MS;
  const numBytes = sent.reduce((sum, each) => sum + (each.atMs < since ? 0 : each.numBytes), 0);
  return `${formatBytes(Math.round((numBytes * 1000) / SENT_OVER_MS))}/s over the last ${SENT_OVER_MS / 1000} s`;
}

export function measuredTime({ last }: Heard): string {
  return last === undefined ? NOTHING_RAN : `the last inference took ${formatMs(last.totalMs)}`;
}
