import { describe, expect, it } from 'vitest';
import { CutpointError } from '../errors.js';
import { ManualClock } from '../testing/manual-clock.js';
import { firstServing, PATIENCE_MS } from './first-serving.js';

const EDGES = ['http://a/', 'http://b/', 'http://c/'].map((url) => new URL(url));

/** Edges that answer when the test says so. */
function asked(edges = EDGES, signal?: AbortSignal) {
  const clock = new ManualClock();
  const calls: { name: string; signal: AbortSignal; answer(text: string): void; fail(error: unknown): void }[] = [];
  const serving = firstServing(
    edges,
    (edge, ends) =>
      new Promise<string>((answer, fail) => {
        ends.addEventListener('abort', () => fail(CutpointError.aborted(ends)));
        calls.push({ name: edge.hostname, signal: ends, answer, fail });
      }),
    clock,
    signal,
  );
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, calls, serving, settled, names: () => calls.map(({ name }) => name) };
}

const away = () => new CutpointError('edge_unreachable', 'nobody there.');

describe('of several edges', () => {
  it('the first that is asked wins when it answers, and no other hears of it', async () => {
    const { calls, serving, names, clock } = asked();
    calls[0]?.answer('manifest');
    expect(await serving).toEqual({ edge: EDGES[0], answer: 'manifest' });
    clock.advance(10 * PATIENCE_MS);
    expect(names()).toEqual(['a']);
  });

  it('the next is asked at once when one fails', async () => {
    const { calls, serving, settled } = asked();
    calls[0]?.fail(away());
    await settled();
    calls[1]?.answer('manifest');
    expect((await serving).edge).toBe(EDGES[1]);
  });

  it('the next is asked beside a slow one, and whoever answers first ends the others', async () => {
    const { clock, calls, serving, names } = asked();
    clock.advance(PATIENCE_MS - 1);
    expect(names()).toEqual(['a']);
    clock.advance(1 + PATIENCE_MS);
    expect(names()).toEqual(['a', 'b', 'c']);
    calls[0]?.answer('late, and early enough');
    expect((await serving).edge).toBe(EDGES[0]);
    expect(calls[2]?.signal.aborted).toBe(true);
  });

  it('that all fail the error says why each did, under the code of one that answered', async () => {
    const { calls, serving, settled } = asked();
    calls[0]?.fail(away());
    await settled();
    calls[1]?.fail(new CutpointError('unknown_model', 'no model "m".'));
    await settled();
    calls[2]?.fail(away());
    await expect(serving).rejects.toMatchObject({
      code: 'unknown_model',
      message: expect.stringMatching(/nobody there\. no model "m"\. nobody there\./),
    });
  });
});

it('has the one edge there is say itself what is wrong', async () => {
  const { calls, serving } = asked(EDGES.slice(0, 1));
  const error = away();
  calls[0]?.fail(error);
  await expect(serving).rejects.toBe(error);
});

it('ends with its caller', async () => {
  const abort = new AbortController();
  const { serving, calls } = asked(EDGES, abort.signal);
  abort.abort();
  await expect(serving).rejects.toMatchObject({ code: 'aborted' });
  expect(calls).toHaveLength(1);
});
