import { readFileSync } from 'node:fs';

const NS_PER_MS = 1e6;

/** Of one thread since it began. */
export interface ThreadTimes {
  readonly ranMs: number;
  /** It was ready to run, and had no core to run on. */
  readonly waitedMs: number;
}

/**
 * As Linux counts them; `undefined` elsewhere.
 * @param pid of a process, for its first thread; this thread when left out.
 */
export function threadTimes(pid?: number): ThreadTimes | undefined {
  const thread = pid === undefined ? 'thread-self' : `${pid}/task/${pid}`;
  try {
    const [ranNs = 0, waitedNs = 0] = readFileSync(`/proc/${thread}/schedstat`, 'latin1').split(' ').map(Number);
    return { ranMs: ranNs / NS_PER_MS, waitedMs: waitedNs / NS_PER_MS };
  } catch {
    return undefined;
  }
}
