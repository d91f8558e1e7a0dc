import type { Clock } from '../clock.js';
import { CutpointError } from '../errors.js';

/** So long an edge is waited for before the next is asked as well. */
export const PATIENCE_MS = 2000;

/** What one edge answered. */
export interface Serving<T> {
  readonly edge: URL;
  readonly answer: T;
}

/**
 * The first of the edges, in the order of preference, that gives an answer. The next one is asked when one fails, and beside
 * it when it is slow: a slow link is no reason to give up, and an edge that prepares the model none to wait for it.
 * @param ask is given up when its signal is aborted
 * @throws what the only edge threw; of several, see {@link ofAll}
 */
export function firstServing<T>(
  edges: readonly URL[],
  ask: (edge: URL, signal: AbortSignal) => Promise<T>,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Serving<T>> {
  const settled = new AbortController();
  const ends = signal ? AbortSignal.any([signal, settled.signal]) : settled.signal;
  let cancel = () => {};
  const first = new Promise<Serving<T>>((resolve, reject) => {
    const waiting = [...edges];
    const failures: unknown[] = [];
    const askNext = () => {
      cancel();
      const edge = waiting.shift();
      if (!edge) return;
      if (waiting.length > 0) cancel = clock.after(PATIENCE_MS, askNext);
      ask(edge, ends).then(
        (answer) => resolve({ edge, answer }),
        (error: unknown) => {
          failures[edges.indexOf(edge)] = error;
          if (Object.keys(failures).length === edges.length || signal?.aborted) reject(ofAll(edges, failures));
          else askNext();
        },
      );
    };
    askNext();
  });
  return first.finally(() => {
    cancel();
    settled.abort();
  });
}

/** What all of them threw, under the code of the first that answered at all. */
function ofAll(edges: readonly URL[], failures: readonly unknown[]): unknown {
  const known = failures.filter((error) => error instanceof CutpointError);
  const worst = known.find(({ code }) => code !== 'edge_unreachable') ?? known[0];
  if (edges.length === 1 || !worst || worst.code === 'aborted') return worst ?? Object.values(failures)[0];
  const message = `None of the edges serves the model now: ${known.map((error) => error.message).join(' ')}`;
  const { edgeCode } = worst;
  return new CutpointError(worst.code, message, { cause: known, ...(edgeCode === undefined ? {} : { edgeCode }) });
}
