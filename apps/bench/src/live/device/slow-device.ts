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
  const quota = quotaGroup(factor);
  if (quota) {
    for (const pid of pids) writeFileSync(join(quota.folder, 'cgroup.procs'), String(pid));
    return { method: quota.method, [Symbol.asyncDispose]: async () => removeGroup(quota.folder, quota.root) };
  }
  const script = fileURLToPath(new URL('./duty-cycle-main.js', import.meta.url));
  const child: ChildProcess = fork(script, [String(factor), ...pids.map(String)]);
  return { method: 'stopping and continuing', [Symbol.asyncDispose]: () => stop(child) };
}

interface QuotaGroup {
  readonly method: 'cgroup v1 quota' | 'cgroup v2 quota';
  readonly root: string;
  readonly folder: string;
}

/** `undefined` where this process may not make one. */
function quotaGroup(factor: number): QuotaGroup | undefined {
  const period = Math.round(QUOTA_MICROSECONDS * factor);
  const name = `cutpoint-live-${process.pid}`;
  for (const [method, root, files] of [
    ['cgroup v2 quota', '/sys/fs/cgroup', { 'cpu.max': `${QUOTA_MICROSECONDS} ${period}` }],
    ['cgroup v1 quota', '/sys/fs/cgroup/cpu', { 'cpu.cfs_period_us': period, 'cpu.cfs_quota_us': QUOTA_MICROSECONDS }],
  ] as const) {
    const isThis = existsSync(join(root, method === 'cgroup v2 quota' ? 'cgroup.controllers' : 'cpu.cfs_quota_us'));
    if (!isThis && !existsSync(join(root, 'cgroup.procs'))) continue;
    const folder = join(root, name);
    try {
      mkdirSync(folder);
      for (const [file, value] of Object.entries(files))
        writeFileSync(join(folder, file), String(value), { flag: 'r+' });
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
