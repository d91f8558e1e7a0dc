import { describe, expect, it } from 'vitest';
import { EdgeQueue } from './edge-queue.js';
import { EdgeServer, type LoadNews } from './edge-server.js';
import type { LoadLaw } from './load-law.js';
import { LoadPath, PathCursor } from './load-path.js';

function serverUnder(law: Partial<LoadLaw>) {
  const whole: LoadLaw = { name: 'test', arrivals: undefined, closedClients: 0, coTenants: undefined, ...law };
  const path = new LoadPath([{ law: whole, startMs: 0, endMs: 60_000 }], { tailsMs: [10], noise: 0 }, 1);
  const news: LoadNews[] = [];
  const server = new EdgeServer({
    queue: new EdgeQueue(new PathCursor(path), [10]),
    models: [0],
    names: ['some'],
    tenantShare: (fromMs, toMs) => path.tenantShare(fromMs, toMs),
    clients: 1,
    onNews: (report) => news.push(report),
    onStart: () => {},
  });
  return { server, news };
}

const SEVENTY = { on: 0.7, off: 0.7, onMs: Number.POSITIVE_INFINITY, offMs: Number.POSITIVE_INFINITY };

describe('EdgeServer', () => {
  it('predicts the wait that there is, when nothing slows tails down', () => {
    const { server } = serverUnder({ arrivals: SEVENTY });
    for (let atMs = 1_000; atMs < 20_000; atMs += 77) {
      server.advance(atMs);
      const waitMs = Math.max(0, server.queue.freeAtMs - atMs) + server.queue.waitingMs;
      expect(server.loadOf(0, atMs).queueMs).toBeCloseTo(waitMs, 6);
    }
  });

  it('learns k, and how busy its worker is', () => {
    const { server } = serverUnder({ arrivals: SEVENTY });
    server.advance(30_000);
    expect(server.loadOf(0, 30_000).k).toBeCloseTo(1, 6);
    expect(server.loadOf(0, 30_000).busy).toBeGreaterThan(0.5);
    expect(server.loadOf(0, 30_000).busy).toBeLessThan(0.9);
    // Tails of 10 ms are found half way through.
    const { busy = 0, residualMs = 0 } = server.loadOf(0, 30_000);
    expect(residualMs / busy).toBeCloseTo(5, 6);
    const { server: slowed } = serverUnder({
      arrivals: { ...SEVENTY, on: 0.3 },
      coTenants: { count: 1, onMs: 1e9, offMs: 1e-3 },
    });
    slowed.advance(30_000);
    expect(slowed.loadOf(0, 30_000).k).toBeCloseTo(2, 2);
    expect(slowed.loadOf(0, 30_000).gpuUtilisation).toBeCloseTo(1, 3);
  });

  it('reports at most ten times a second, and every two seconds when nothing changes', () => {
    const busy = serverUnder({ arrivals: SEVENTY });
    busy.server.advance(30_000);
    expect(busy.news.length).toBeGreaterThan(200);
    expect(busy.news.length).toBeLessThanOrEqual(300 + 16);
    const idle = serverUnder({});
    idle.server.advance(30_000);
    expect(idle.news.length).toBeLessThan(20);
    expect(idle.news.length).toBeGreaterThanOrEqual(15);
  });

  it('says how busy the GPU is', () => {
    const { server } = serverUnder({ arrivals: SEVENTY });
    const readings: number[] = [];
    for (let atMs = 1_500; atMs < 60_000; atMs += 1_000) {
      server.advance(atMs);
      readings.push(server.loadOf(0, atMs).gpuUtilisation ?? 0);
    }
    const mean = readings.reduce((sum, value) => sum + value, 0) / readings.length;
    expect(mean).toBeGreaterThan(0.62);
    expect(mean).toBeLessThan(0.78);
  });

  it('tells of what is announced until it is here, and never counts it as waiting', () => {
    const { server } = serverUnder({});
    server.advance(500);
    const place = server.reserve({ model: 0, announcedMs: 500, idleMs: 8, profiledMs: 8 });
    expect(server.loadOf(0, 510)).toMatchObject({ queueMs: 0, announcedMs: 8 });
    server.advance(520);
    server.submit(place, 520);
    expect(server.loadOf(0, 520)).toMatchObject({ queueMs: 8, announcedMs: 0 });
    server.advance(528);
    expect(server.loadOf(0, 528)).toMatchObject({ queueMs: 0, announcedMs: 0 });
  });
});
