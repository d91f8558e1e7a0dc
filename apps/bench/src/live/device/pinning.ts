import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Which core who runs on; `undefined` where there are not two, or no `taskset`. */
export interface Cores {
  /** Browser, proxy and the bench itself, which sleeps while others are timed. */
  readonly device: number | undefined;
  /** The edge and what loads it. */
  readonly edge: number | undefined;
}

/**
 * Pins this process, and so all that it starts from now on, to the device's core; the edge gets another. Otherwise each
 * would be part of what the other measures as load.
 */
export function pinCores(): Cores {
  const [device, edge] = [0, 1];
  if (availableParallelism() < 2) return { device: undefined, edge: undefined };
  const { status } = spawnSync('taskset', ['-a', '-p', '-c', String(device), String(process.pid)], { stdio: 'ignore' });
  return status === 0 ? { device, edge } : { device: undefined, edge: undefined };
}

/** Starts a script of ours with Node and an IPC channel, on a core of its own if it is given one. */
export function forkPinned(script: string, args: readonly string[], core: number | undefined): ChildProcess {
  const command = [process.execPath, script, ...args];
  const [file = '', ...rest] = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  return spawn(file, rest, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}
