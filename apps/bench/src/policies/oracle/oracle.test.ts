import { describe, expect, it } from 'vitest';
import { Client } from '../client/client.js';
import { EdgeQueue } from '../edge/edge-queue.js';
import { PathCursor } from '../edge/load-path.js';
import { Direction } from '../link/direction.js';
import { smallWorld } from '../testing/worlds.js';
import { indexOfLeast, Oracle } from './oracle.js';

function stage(futures = 16) {
  const world = smallWorld();
  const { cell, path, tailsMs, canaries, noise, draws } = world;
  const truth = world.truth('all');
  const { up, down, roundTripMs } = cell.link;
  const options = { path, tailsMs, canaries, model: cell.network, noise, futures, presentRateMs: 200, draws };
  const queue = new EdgeQueue(new PathCursor(path), tailsMs, canaries);
  const client = new Client({
    truth,
    up: new Direction(up, roundTripMs),
    down: new Direction(down, roundTripMs),
    noise,
    controller: undefined,
    probesPeriodically: false,
    seed: 1,
  });
  const all = truth.arms.map((_, index) => index);
  const moments = Array.from({ length: 60 }, (_, inference) => 10_000 + inference * 397);
  return { oracle: new Oracle(options), queue, client, all, moments };
}

describe('Oracle', () => {
  it('leaves out only arms that cannot be the best', () => {
    const { oracle, queue, client, all, moments } = stage();
    for (const [inference, nowMs] of moments.entries()) {
      queue.advance(nowMs);
      const moment = { nowMs, inference, queue, client };
      for (const kind of ['expected', 'realised'] as const) {
        const pruned = oracle[kind](moment, [], new Float64Array(all.length));
        const whole = oracle[kind](moment, all, new Float64Array(all.length));
        expect(indexOfLeast(pruned)).toBe(indexOfLeast(whole));
        expect(Math.min(...pruned)).toBeCloseTo(Math.min(...whole), 6);
        expect(whole.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('looks without touching: the queue goes on as if it had not been asked', () => {
    const asked = stage();
    const unasked = stage();
    for (const [inference, nowMs] of asked.moments.entries()) {
      asked.queue.advance(nowMs);
      unasked.queue.advance(nowMs);
      asked.oracle.realised({ nowMs, inference, ...asked }, asked.all, new Float64Array(asked.all.length));
      asked.oracle.expected({ nowMs, inference, ...asked }, [], new Float64Array(asked.all.length));
      expect(asked.queue.freeAtMs).toBe(unasked.queue.freeAtMs);
      expect(asked.queue.nextAtMs()).toBe(unasked.queue.nextAtMs());
    }
  });

  it('expects what comes true in the mean', () => {
    const { oracle, queue, client, all, moments } = stage(64);
    let expectedSum = 0;
    let realisedSum = 0;
    // Full offload waits most, so it says most of whether waiting is foreseen without bias.
    for (const [inference, nowMs] of moments.slice(0, 28).entries()) {
      queue.advance(nowMs);
      const moment = { nowMs, inference, queue, client };
      expectedSum += oracle.expected(moment, all, new Float64Array(all.length))[0] ?? 0;
      realisedSum += oracle.realised(moment, all, new Float64Array(all.length))[0] ?? 0;
    }
    expect(Math.abs(expectedSum / realisedSum - 1)).toBeLessThan(0.05);
  });

  it('knows what will be: an arm that is then carried out takes what was said', () => {
    const { oracle, queue, client, all, moments } = stage();
    for (const [inference, nowMs] of moments.entries()) {
      queue.advance(nowMs);
      const arm = inference % all.length;
      if (client.truth.usesEdge[arm] !== true) continue;
      const said = oracle.realised({ nowMs, inference, queue, client }, all, new Float64Array(all.length))[arm];
      const request = client.begin(inference, nowMs, arm);
      const announcedMs = nowMs + client.up.roundTripMs / 2;
      queue.advance(announcedMs);
      const profiledMs = client.truth.tailMs[arm] ?? 0;
      const place = queue.reserve({ model: 0, announcedMs, idleMs: client.tailMs(request), profiledMs });
      queue.advance(request.readyMs);
      queue.submit(place, request.readyMs);
      while (queue.last.place !== place) queue.step();
      expect(client.receive(queue.last.finishMs, arm) - nowMs).toBeCloseTo(said ?? Number.NaN, 6);
    }
  });
});
