import { Random } from '../random.js';
import { RateTrace } from './rate-trace.js';

/** A mobile link as a Markov chain over rates: a neighbouring rate most of the time, an outage now and then. */
export interface MarkovLink {
  readonly rates: readonly number[];
  /** Mean stay in one rate, in ms. */
  readonly dwellMs: number;
  /** Share of the moves that lead into an outage, and its mean length. */
  readonly outageShare: number;
  readonly outageMs: number;
  /** Length of the trace, in ms, after which it begins again. */
  readonly lengthMs: number;
}

/** One seeded trace of that chain. */
export function markovTrace({ rates, dwellMs, outageShare, outageMs, lengthMs }: MarkovLink, seed: number): RateTrace {
  const random = new Random(seed);
  const segments: { startMs: number; rate: number }[] = [];
  let state = Math.floor(rates.length / 2);
  for (let startMs = 0; startMs < lengthMs; ) {
    segments.push({ startMs, rate: rates[state] ?? 0 });
    startMs += 1 + random.exponential(dwellMs);
    if (random.next() < outageShare && startMs < lengthMs) {
      segments.push({ startMs, rate: 0 });
      startMs += 1 + random.exponential(outageMs);
    }
    const step = random.next() < 0.5 ? -1 : 1;
    state = state + step < 0 || state + step >= rates.length ? state - step : state + step;
  }
  return new RateTrace(segments, lengthMs + 1);
}
