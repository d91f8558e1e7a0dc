import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { RateTrace } from './rate-trace.js';

/** What one line of a mahimahi trace lets pass. */
const MAHIMAHI_BYTES = 1_500;
/** Deliveries are counted over so long: a single one is no rate. */
const MAHIMAHI_BIN_MS = 20;
/** 1 Mbit/s. */
const BYTES_PER_MS_OF_MEGABIT = 125;

/**
 * A trace file: of mahimahi (Netravali et al., "Mahimahi: Accurate Record-and-Replay for HTTP", USENIX ATC 2015), one
 * integer a line, the ms at which 1,500 bytes may leave; or `seconds<TAB>Mbit/s`. Either begins again at its end.
 * @throws Error that names the file and the line
 */
export function readTrace(path: string): { readonly name: string; readonly trace: RateTrace } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`The trace '${path}' cannot be read; give the path of a file`, { cause });
  }
  return { name: basename(path).replace(/\.up$/, ''), trace: parseTrace(text, path) };
}

export function parseTrace(text: string, name: string): RateTrace {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length < 2) throw new Error(`The trace '${name}' has fewer than two lines`);
  return lines[0]?.includes('\t') ? parseRates(lines, name) : parseDeliveries(lines, name);
}

function parseDeliveries(lines: readonly string[], name: string): RateTrace {
  const bins = new Map<number, number>();
  let lastMs = 0;
  for (const [index, line] of lines.entries()) {
    const atMs = /^\s*\d+\s*$/.test(line) ? Number(line) : Number.NaN;
    if (!(atMs >= lastMs))
      throw new Error(`Line ${index + 1} of '${name}' is no later ms than the one before: '${line}'`);
    lastMs = atMs;
    const bin = Math.floor(atMs / MAHIMAHI_BIN_MS);
    bins.set(bin, (bins.get(bin) ?? 0) + MAHIMAHI_BYTES);
  }
  const count = Math.floor(lastMs / MAHIMAHI_BIN_MS) + 1;
  const segments = Array.from({ length: count }, (_, bin) => ({
    startMs: bin * MAHIMAHI_BIN_MS,
    rate: (bins.get(bin) ?? 0) / MAHIMAHI_BIN_MS,
  }));
  return new RateTrace(segments, count * MAHIMAHI_BIN_MS);
}

function parseRates(lines: readonly string[], name: string): RateTrace {
  const points = lines.map((line, index) => {
    const [seconds, megabits, ...more] = line.trim().split('\t').map(Number);
    if (seconds === undefined || megabits === undefined || more.length > 0 || !(seconds >= 0) || !(megabits >= 0)) {
      throw new Error(`Line ${index + 1} of '${name}' is not 'seconds<TAB>Mbit/s': '${line}'`);
    }
    return { startMs: seconds * 1000, rate: megabits * BYTES_PER_MS_OF_MEGABIT };
  });
  const firstMs = points[0]?.startMs ?? 0;
  const shifted = points.map(({ startMs, rate }) => ({ startMs: startMs - firstMs, rate }));
  const lastMs = shifted.at(-1)?.startMs ?? 0;
  // The last rate holds for as long as rates do on the average.
  return new RateTrace(shifted, lastMs + lastMs / (shifted.length - 1));
}
