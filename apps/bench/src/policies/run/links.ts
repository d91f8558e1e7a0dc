import { markovTrace } from '../link/markov-trace.js';
import { RateTrace } from '../link/rate-trace.js';
import { readTrace } from '../link/trace-files.js';
import { BYTES_PER_MS_OF_MEGABIT, DOWNLINK_FACTOR, LTE, TRACE_ROUND_TRIP_MS } from '../protocol.js';
import { seedOf } from '../random.js';
import type { Link } from './cell.js';

/** A link by what it is made of. */
export type LinkSpec =
  | { readonly kind: 'constant'; readonly megabits: number; readonly roundTripMs: number }
  /** Steps of the rate, each held for so long. */
  | {
      readonly kind: 'steps';
      readonly megabits: readonly number[];
      readonly firstMs: number;
      readonly holdMs: number;
      readonly roundTripMs: number;
    }
  /** An own trace of a mobile link, another one for each seed. */
  | { readonly kind: 'lte' }
  | { readonly kind: 'trace'; readonly path: string };

export function linkOf(spec: LinkSpec, seed: number): Link {
  switch (spec.kind) {
    case 'constant':
      return linkWith(linkName(spec), spec.roundTripMs, RateTrace.constant(spec.megabits * BYTES_PER_MS_OF_MEGABIT));
    case 'steps': {
      const { megabits, firstMs, holdMs, roundTripMs } = spec;
      const segments = megabits.map((rate, index) => ({
        startMs: index === 0 ? 0 : firstMs + (index - 1) * holdMs,
        rate: rate * BYTES_PER_MS_OF_MEGABIT,
      }));
      return linkWith(linkName(spec), roundTripMs, new RateTrace(segments, Number.POSITIVE_INFINITY));
    }
    case 'lte':
      return linkWith('LTE', TRACE_ROUND_TRIP_MS, markovTrace(LTE, seedOf('lte', seed)));
    case 'trace': {
      const { name, trace } = readTrace(spec.path);
      return linkWith(name, TRACE_ROUND_TRIP_MS, trace);
    }
  }
}

export function linkName(spec: LinkSpec): string {
  switch (spec.kind) {
    case 'constant':
      return `${spec.megabits} Mbit/s, ${spec.roundTripMs} ms`;
    case 'steps':
      return `${spec.megabits.join(' → ')} Mbit/s`;
    case 'lte':
      return 'LTE';
    case 'trace':
      return readTrace(spec.path).name;
  }
}

function linkWith(name: string, roundTripMs: number, up: RateTrace): Link {
  return { name, roundTripMs, up, down: up.scaled(DOWNLINK_FACTOR) };
}
