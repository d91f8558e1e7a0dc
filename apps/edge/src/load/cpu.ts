import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';

/** What a group of processes has used of the CPU it may use; both only ever grow. */
export interface CpuReading {
  readonly usedMs: number;
  /** How much there was to use: elapsed time × CPUs. */
  readonly availableMs: number;
}

/** Reads the machine, or the container where one limits this process. */
export type CpuReader = () => Promise<CpuReading>;

/** 0..1 of what was there between two readings. */
export function cpuUtilisation(before: CpuReading, after: CpuReading): number {
  const availableMs = after.availableMs - before.availableMs;
  if (availableMs <= 0) return 0;
  return Math.min(1, Math.max(0, (after.usedMs - before.usedMs) / availableMs));
}

/** CPUs that this process may use: a container's quota, or the machine's. */
export async function availableCpus(): Promise<number> {
  const quota = await tightestQuota();
  return Math.min(cpus().length, quota?.cpus ?? Number.POSITIVE_INFINITY);
}

/** @param clock monotonic, in ms. */
export async function createCpuReader(clock: () => number): Promise<CpuReader> {
  const quota = await tightestQuota();
  // A limit above the machine limits nothing.
  if (quota === undefined || quota.cpus >= cpus().length) return await machineReader();
  return async () => {
    const stat = await readFile(join(quota.folder, 'cpu.stat'), 'utf8');
    const usedUs = Number(/^usage_usec (\d+)$/m.exec(stat)?.[1] ?? 0);
    return { usedMs: usedUs / 1000, availableMs: clock() * quota.cpus };
  };
}

/** Linux says it in one line; `os.cpus()` also asks for the clock of each CPU, on the caller's thread and for up to some ms. */
const PROC_STAT = '/proc/stat';
/** In which it counts, whatever the kernel was built with. */
const MS_PER_TICK = 10;

async function machineReader(): Promise<CpuReader> {
  if (parseProcStat(await readFile(PROC_STAT, 'utf8').catch(() => '')) === undefined) return readCpus;
  return async () => {
    const reading = parseProcStat(await readFile(PROC_STAT, 'utf8'));
    if (reading === undefined) throw new Error(`${PROC_STAT} does not begin with the sum of all CPUs any more`);
    return reading;
  };
}

/** Its first line is `cpu user nice system idle iowait irq softirq steal …`, over all CPUs; the rest of it is part of `user`. */
export function parseProcStat(text: string): CpuReading | undefined {
  const [, line] = /^cpu +([\d ]+)/.exec(text) ?? [];
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    line?.split(' ').map(Number) ?? [];
  const used = user + nice + system + irq + softirq + steal;
  const available = used + idle + iowait;
  return available === 0 ? undefined : { usedMs: used * MS_PER_TICK, availableMs: available * MS_PER_TICK };
}

async function readCpus(): Promise<CpuReading> {
  let usedMs = 0;
  let availableMs = 0;
  for (const { times } of cpus()) {
    const busyMs = times.user + times.nice + times.sys + times.irq;
    usedMs += busyMs;
    availableMs += busyMs + times.idle;
  }
  return { usedMs, availableMs };
}

interface Quota {
  readonly folder: string;
  readonly cpus: number;
}

const CGROUP_ROOT = '/sys/fs/cgroup';

/** The tightest limit of this process's cgroup (version 2) and of those around it. */
async function tightestQuota(): Promise<Quota | undefined> {
  let tightest: Quota | undefined;
  for (const folder of await ownCgroups()) {
    const text = await readFile(join(folder, 'cpu.max'), 'utf8').catch(() => '');
    const cpus = parseCpuMax(text);
    if (cpus !== undefined && cpus < (tightest?.cpus ?? Number.POSITIVE_INFINITY)) tightest = { folder, cpus };
  }
  return tightest;
}

/** `cpu.max` is `<quota> <period>` in microseconds, or `max <period>` without a limit. */
export function parseCpuMax(text: string): number | undefined {
  const match = /^(\d+) (\d+)/.exec(text);
  if (match === null) return undefined;
  const [, quota, period] = match;
  return Number(quota) / Number(period);
}

async function ownCgroups(): Promise<string[]> {
  const own = await readFile('/proc/self/cgroup', 'utf8').catch(() => '');
  const path = /^0::(\/.*)$/m.exec(own)?.[1] ?? '/';
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return Array.from({ length: parts.length + 1 }, (_, depth) => join(CGROUP_ROOT, ...parts.slice(0, depth)));
}
