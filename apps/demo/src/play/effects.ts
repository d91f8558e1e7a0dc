import type { LoadReport, SessionEvents, Trace } from '@cutpoint/client';
import { formatMs } from '../format.js';
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
}

/** Each in words with its numbers; nothing here is what was asked for. */
export function measuredLink({ link }: Heard): string {
  const { up, down } = ratesOf(link);
  return `up ${up}; down ${down}`;
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
  const d = (last ?? withHead).plan.conditions.d;
  return `d ${d.value.toFixed(2)}, the last head took ${formatMs(withHead.headMs)}`;
}
