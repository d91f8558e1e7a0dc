import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { EventLoopMonitor } from './event-loop.js';

let monitor: EventLoopMonitor;
afterEach(() => monitor.close());

it('says how late this process is, and forgets it', async () => {
  monitor = new EventLoopMonitor(100);
  await sleep(20);
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs);
  await vi.waitFor(() => expect(monitor.p99Ms).toBeGreaterThan(30));
  await vi.waitFor(() => expect(monitor.p99Ms).toBeLessThan(20));
});
