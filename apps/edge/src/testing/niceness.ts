import { readdirSync, readFileSync } from 'node:fs';

/** Niceness of each thread of a process, on Linux. */
export function threadNiceness(pid: number = process.pid): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => Number(statField(`/proc/${pid}/task/${thread}/stat`, 19)));
}

/** Processes that this one started and that still are, on Linux. */
export function childProcesses(): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && statField(`/proc/${pid}/stat`, 4) === String(process.pid));
}

/** As proc_pid_stat(5) counts them; `undefined` when that process or thread is gone. */
function statField(file: string, field: number): string | undefined {
  try {
    // A name may hold anything, parentheses too; what follows the last one does not.
    return readFileSync(file, 'latin1').split(') ').at(-1)?.split(' ')[field - 3];
  } catch {
    return undefined;
  }
}
