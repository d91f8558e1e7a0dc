import type { LoadReport } from '@cutpoint/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LoadPublisher } from './load-publisher.js';

const idle: LoadReport = {
  atMs: 0,
  queueDepth: 0,
  queueMs: 0,
  inFlight: 0,
  workers: 1,
  k: { m: 1 },
  cpuUtilisation: 0.1,
  gpuUtilisation: null,
};

describe('the load publisher', () => {
  let report = idle;
  let published: LoadReport[] = [];
  let publisher: LoadPublisher;

  beforeEach(() => {
    vi.useFakeTimers();
    report = idle;
    published = [];
    publisher = new LoadPublisher(
      () => report,
      (load) => published.push(load),
      () => Date.now(),
    );
    publisher.touch();
    vi.advanceTimersByTime(150);
    published = [];
  });

  afterEach(() => {
    publisher.stop();
    vi.useRealTimers();
  });

  const change = (fields: Partial<LoadReport>) => {
    report = { ...report, ...fields };
    publisher.touch();
  };

  it('says at once what changed, and then at most ten times a second', () => {
    change({ queueDepth: 1 });
    vi.advanceTimersByTime(1);
    expect(published).toHaveLength(1);
    for (let ms = 0; ms < 999; ms += 1) {
      change({ queueDepth: ms });
      vi.advanceTimersByTime(1);
    }
    expect(published.length).toBeLessThanOrEqual(11);
    expect(published.length).toBeGreaterThanOrEqual(9);
  });

  it.each([
    ['queue depth', { queueDepth: 1 }, true],
    ['queue delay', { queueMs: 3 }, true],
    ['a hair of queue delay', { queueMs: 1 }, false],
    ['k', { k: { m: 1.5 } }, true],
    ['a hair of k', { k: { m: 1.05 } }, false],
    ['a new model', { k: { m: 1, n: 1 } }, true],
    ['work that is announced', { announcedMs: 3 }, true],
    ['a hair of it', { announcedMs: 1 }, false],
    ['how busy the workers are', { busy: 0.3 }, true],
    ['a hair of that', { busy: 0.05 }, false],
    ['the rest of a running tail', { residualMs: 3 }, true],
    ['a hair of the rest', { residualMs: 1 }, false],
    ['utilisation', { cpuUtilisation: 0.5 }, true],
    ['what runs', { inFlight: 1 }, false],
    ['nothing', {}, false],
  ])('looks at %s', (_, fields, isPublished) => {
    change(fields);
    vi.advanceTimersByTime(200);
    expect(published.length > 0).toBe(isPublished);
  });

  it('speaks every two seconds even when nothing changes', () => {
    vi.advanceTimersByTime(10_000);
    expect(published).toHaveLength(5);
  });
});
