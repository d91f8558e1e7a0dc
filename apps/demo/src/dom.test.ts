import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { throttled } from './dom.js';

/** Node has no document; whether it is hidden, and that it says so when it is seen again, is all that is asked. */
class FakeDocument extends EventTarget {
  hidden = false;
}
let page: FakeDocument;

beforeEach(() => {
  page = new FakeDocument();
  vi.stubGlobal('document', page);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('throttled', () => {
  it('draws at most five times a second, however often it is asked, and the last time too', async () => {
    const drawnAtMs: number[] = [];
    const ask = throttled(() => drawnAtMs.push(performance.now()), 200);
    for (let ms = 0; ms < 1000; ms += 10) {
      ask();
      await vi.advanceTimersByTimeAsync(10);
    }
    const lastAskMs = performance.now() - 10;
    await vi.advanceTimersByTimeAsync(1000);
    const gaps = drawnAtMs.slice(1).map((ms, index) => ms - (drawnAtMs[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(200);
    expect(drawnAtMs.at(-1)).toBeGreaterThanOrEqual(lastAskMs);
  });

  it('draws nothing while the page is hidden, and once when it is seen again', async () => {
    const draw = vi.fn();
    const ask = throttled(draw, 200);
    page.hidden = true;
    for (let count = 0; count < 20; count++) {
      ask();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(draw).not.toHaveBeenCalled();
    page.hidden = false;
    page.dispatchEvent(new Event('visibilitychange'));
    expect(draw).toHaveBeenCalledOnce();
  });
});
