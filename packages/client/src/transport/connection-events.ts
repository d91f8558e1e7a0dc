import type { LoadReport } from '@cutpoint/protocol';

export type ConnectionState =
  | { readonly state: 'online'; readonly reason: string }
  | { readonly state: 'offline'; readonly reason: string; readonly retryInMs?: number }
  | { readonly state: 'closed'; readonly reason: string };

export interface ConnectionEvents {
  state: ConnectionState;
  load: LoadReport;
  /**
   * What a report says of the queue. Of a pushed report it is told while nothing of this page is at the edge: what is there will
   * be gone by the next decision. Of a reply's always: what of this page is still there then goes before the next.
   */
  queue: Pick<LoadReport, 'queueMs' | 'announcedMs'>;
  /** ms for which a tail of this page kept a worker of the edge; told before the report that came with its answer. */
  ownTailMs: number;
  /** The edge has refused a request because it stops. */
  leaving: undefined;
  /** Round trip of a small frame on a link with nothing else on it. */
  roundTrip: number;
}
