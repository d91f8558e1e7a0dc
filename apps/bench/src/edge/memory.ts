import { readFile } from 'node:fs/promises';

const BYTES_PER_KB = 1_024;

export interface ProcessMemory {
  readonly residentBytes: number;
  /** Resident memory in which what several mappings or processes share counts once. */
  readonly proportionalBytes: number;
}

/** @throws Error where the system does not say: anywhere but on Linux */
export async function processMemory(pid: number): Promise<ProcessMemory> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * BYTES_PER_KB;
  return { residentBytes: field('Rss'), proportionalBytes: field('Pss') };
}
