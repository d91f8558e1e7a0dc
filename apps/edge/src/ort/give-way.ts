import { setPriority } from 'node:os';

/** Where a core is wanted by what answers as well, that has it for three quarters of the time. */
const NICENESS = 5;

/**
 * Lets what computes for long, the calling thread and those that it starts from now on, give way to what answers. That wants a
 * core for a fraction of a millisecond at a time, and would wait for one that a tail has for as long as the system lets that
 * run on. Where nobody else wants the core nothing changes.
 */
export function giveWay(): void {
  // Elsewhere a priority is that of a whole process, and tails run in that of the edge.
  if (process.platform !== 'linux') return;
  try {
    setPriority(NICENESS);
  } catch {
    // It is lower already, or nobody may change it: no reason not to work.
  }
}
