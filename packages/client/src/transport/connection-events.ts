import type { LoadReport } from '@cutpoint/protocol';

export type ConnectionState =
  | { readonly state: 'online'; readonly reason: string }
  | { readonly state: 'offline'; readonly reason: string; readonly retryInMs?: number }
  | { readonly state: 'closed'; readonly reason: string };

export interface ConnectionEvents {
  state: ConnectionState;
  load: LoadReport;
  /** Queue delay of a report, in ms, unless it is work of this page that waits there. */
  queueMs: number;
  /** Round trip of a small frame on a link with nothing else on it. */
  roundTrip: number;
}
