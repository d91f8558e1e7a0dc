import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stop } from '../stop.js';

/** Processes that can be slowed down. */
export interface SlowDevice extends AsyncDisposable {
  readonly method: 'cgroup v1 quota' | 'cgroup v2 quota' | 'stopping and continuing';
  /** Lets them run only 1 / `factor` of the time from now on. */
  setFactor(factor: number): Promise<void>;
}

/**
 * What a process may run in each period. The kernel enforces a quota at its timer ticks (4 ms at 250 Hz) and takes what
 * was overdrawn from the next period, so the mean is right and single ms are not.
 */
const QUOTA_MICROSECONDS = 4_000;

/**
 * The browser's own throttling does not do: `setCPUThrottlingRate` slows the main thread of a page, and its worker
 * targets refuse it ("only supported for pages, not workers"), while heads run in a worker.
 */
export function slowDevice(pids: readonly number[]): SlowDevice {
  return joinGroup(pids) ?? new StoppedAndContinued(pids);
}

interface GroupKind {
  readonly method: 'cgroup v1 quota' | 'cgroup v2 quota';
  readonly root: string;
  /** The most weight that there is: otherwise the whole group would weigh as much as one process. */
  readonly weight: readonly [file: string, value: number];
  readonly quota: (periodMicroseconds: number) => Readonly<Record<string, string>>;
}

const KINDS: readonly GroupKind[] = [
  {
    method: 'cgroup v2 quota',
    root: '/sys/fs/cgroup',
    weight: ['cpu.weight', 10_000],
    quota: (period) => ({ 'cpu.max': `${QUOTA_MICROSECONDS} ${period}` }),
  },
  {
    method: 'cgroup v1 quota',
    root: '/sys/fs/cgroup/cpu',
    weight: ['cpu.shares', 262_144],
    quota: (period) => ({ 'cpu.cfs_period_us': `${period}`, 'cpu.cfs_quota_us': `${QUOTA_MICROSECONDS}` }),
  },
];

/** `undefined` where this process may not make a group, or the others may not be in one: none with real-time priority may. */
function joinGroup(pids: readonly number[]): SlowDevice | undefined {
  for (const { method, root, weight, quota } of KINDS) {
    if (!existsSync(join(root, 'cgroup.procs'))) continue;
    const folder = join(root, `cutpoint-live-${process.pid}`);
    try {
      mkdirSync(folder);
      write(folder, weight[0], String(weight[1]));
      for (const pid of pids) write(folder, 'cgroup.procs', String(pid));
    } catch {
      removeGroup(folder);
      continue;
    }
    return {
      method,
      setFactor: async (factor) => {
        const files = Object.entries(quota(Math.round(QUOTA_MICROSECONDS * factor)));
        for (const [file, value] of files) write(folder, file, value);
      },
      [Symbol.asyncDispose]: async () => removeGroup(folder),
    };
  }
  return undefined;
}

/** A file that is not there already is none of the kernel's. */
function write(folder: string, file: string, value: string): void {
  writeFileSync(join(folder, file), value, { flag: 'r+' });
}

/** A group is removed when nobody is in it any more. */
function removeGroup(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Its processes are about to end; the empty group that stays behind does nothing.
    if (existsSync(folder)) console.error(`${folder} could not be removed`);
  }
}

class StoppedAndContinued implements SlowDevice {
  readonly method = 'stopping and continuing';
  readonly #pids: readonly number[];
  #child: ChildProcess | undefined;

  constructor(pids: readonly number[]) {
    this.#pids = pids;
  }

  async setFactor(factor: number): Promise<void> {
    await this[Symbol.asyncDispose]();
    const script = fileURLToPath(new URL('./duty-cycle-main.js', import.meta.url));
    this.#child = fork(script, [String(factor), ...this.#pids.map(String)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child) await stop(this.#child);
  }
}
