import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { stop } from '../../live/stop.js';
import type { LoadOrder, RequestRecord } from './order.js';

/** Clients give way to the edge, its tails included, where cores are few: a client that is slow only looks like a slower link. */
const NICENESS = 10;

/** Puts a load on the edge from a process of its own, and says how every request went. */
export async function runLoad(order: LoadOrder): Promise<RequestRecord[]> {
  const child = fork(fileURLToPath(new URL('./load-main.js', import.meta.url)));
  try {
    if (child.pid !== undefined) setPriority(child.pid, NICENESS);
    child.send(order);
    await next(child);
    child.send('go');
    return (await next(child)) as RequestRecord[]; // load-main sends nothing else after 'ready'
  } finally {
    await stop(child);
  }
}

async function next(child: ChildProcess): Promise<unknown> {
  const abort = new AbortController();
  const { signal } = abort;
  const failed = once(child, 'exit', { signal }).then(() => {
    throw new Error('the load ended before it was done');
  });
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), failed]);
    return message;
  } finally {
    failed.catch(() => undefined);
    abort.abort();
  }
}

type ServedRecord = Required<Omit<RequestRecord, 'clientWaitedMs'>>;

/** Records of those who were served, with both times. */
export function served(records: readonly RequestRecord[]): readonly ServedRecord[] {
  return records.filter((record): record is ServedRecord => record.outcome === 'ok');
}

/** How often each outcome came about. */
export function outcomes(records: readonly RequestRecord[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { outcome } of records) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
