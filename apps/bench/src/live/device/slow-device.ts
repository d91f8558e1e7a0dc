import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stop } from '../stop.js';

/** What slows the device down. */
export interface SlowDevice extends AsyncDisposable {
  readonly method: 'cgroup v1 quota' | 'cgroup v2 quota' | 'stopping and continuing' | 'none';
}

/**
 * What a process may run in each period. The kernel enforces a quota at its timer ticks (4 ms at 250 Hz) and takes what
 * was overdrawn from the next period, so the mean is right and single ms are not.
 */
const QUOTA_MICROSECONDS = 4_000;

/**
 * Lets processes run only 1 / `factor` of the time. The browser's own throttling does not do: `setCPUThrottlingRate`
 * slows the main thread of a page, and its worker targets refuse it ("only supported for pages, not workers"), while
 * heads run in a worker.
 */
export async function slowDown(pids: readonly number[], factor: number): Promise<SlowDevice> {
  if (factor <= 1) return { method: 'none', [Symbol.asyncDispose]: async () => {} };
  const quota = joinQuotaGroup(pids, factor);
  if (quota) return { method: quota.method, [Symbol.asyncDispose]: async () => removeGroup(quota.folder, quota.root) };
  const script = fileURLToPath(new URL('./duty-cycle-main.js', import.meta.url));
  const child: ChildProcess = fork(script, [String(factor), ...pids.map(String)]);
  return { method: 'stopping and continuing', [Symbol.asyncDispose]: () => stop(child) };
}

interface QuotaGroup {
  readonly method: 'cgroup v1 quota' | 'cgroup v2 quota';
  readonly root: string;
  readonly folder: string;
}

/** `undefined` where this process may not make one, or the others may not be in one: none with real-time priority may. */
function joinQuotaGroup(pids: readonly number[], factor: number): QuotaGroup | undefined {
  const period = Math.round(QUOTA_MICROSECONDS * factor);
  // The most weight that there is: otherwise the whole group would weigh as much as one process.
  const kinds = [
    {
      method: 'cgroup v2 quota',
      root: '/sys/fs/cgroup',
      files: { 'cpu.weight': 10_000, 'cpu.max': `${QUOTA_MICROSECONDS} ${period}` },
    },
    {
      method: 'cgroup v1 quota',
      root: '/sys/fs/cgroup/cpu',
      files: { 'cpu.shares': 262_144, 'cpu.cfs_period_us': period, 'cpu.cfs_quota_us': QUOTA_MICROSECONDS },
    },
  ] as const;
  for (const { method, root, files } of kinds) {
    if (!existsSync(join(root, 'cgroup.procs'))) continue;
    const folder = join(root, `cutpoint-live-${process.pid}`);
    try {
      mkdirSync(folder);
      // A file that is not there already is none of the kernel's.
      for (const [file, value] of Object.entries(files)) {
        writeFileSync(join(folder, file), String(value), { flag: 'r+' });
      }
      for (const pid of pids) writeFileSync(join(folder, 'cgroup.procs'), String(pid));
      return { method, root, folder };
    } catch {
      removeGroup(folder, root);
    }
  }
  return undefined;
}

/** A group is removed when nobody is in it any more. */
function removeGroup(folder: string, root: string): void {
  try {
    rmdirSync(folder);
  } catch {
    if (!existsSync(folder)) return;
    // Its processes are about to end; the empty group that stays behind does nothing.
    console.error(`${folder} could not be removed from ${root}`);
  }
}
