import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PackStore } from '../heads/pack-store.js';
import { WeightBudget } from '../heads/weight-budget.js';
import { weightRules } from '../heads/weight-rules.js';
import { EdgeHttp } from '../http.js';
import type { ConnectOptions, Progress } from '../session.js';
import { ManualClock } from '../testing/manual-clock.js';
import { TAIL_GRAPH, TinyEdge } from '../testing/tiny-edge.js';
import { IdleFetch } from './idle-fetch.js';

const SECOND_MS = 1000;

let edge: TinyEdge;
beforeEach(async () => {
  edge = await TinyEdge.listen();
});
afterEach(() => edge.close());

function open(options: Pick<ConnectOptions, 'maxWeightBytes' | 'rescue'> = {}) {
  const clock = new ManualClock();
  const packs = new PackStore(new EdgeHttp(edge.baseUrl, undefined));
  const rules = weightRules(options, () => undefined);
  const life = new AbortController();
  const now = { isSettled: true, isLinkFree: true, isVisible: true };
  const told: Progress[] = [];
  let loads = 0;
  let loaded = () => {};
  const done = new Promise<void>((resolve) => {
    loaded = resolve;
  });
  const idle = new IdleFetch({
    clock,
    packs,
    budget: new WeightBudget(packs, rules),
    rules,
    isSettled: () => now.isSettled,
    isLinkFree: () => now.isLinkFree,
    isVisible: () => now.isVisible,
    needs: () => ({ graphs: [TAIL_GRAPH], packs: edge.manifest.packs }),
    loadRuntime: async () => {
      loads += 1;
      loaded();
    },
    onProgress: (progress) => told.push(progress),
    life: life.signal,
  });
  return { clock, packs, idle, now, told, done, life, loads: () => loads };
}

/** Whatever was begun has reached the edge by then. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

describe('in an idle moment', () => {
  it('what a local finish needs is fetched once, told apart from other weights, and then the runtime', async () => {
    const { clock, idle, packs, told, done, loads } = open();
    const [pack] = edge.manifest.packs;
    idle.began();
    idle.ended();
    clock.advance(SECOND_MS - 1);
    await settle();
    expect(edge.asked).toEqual([]);
    clock.advance(1);
    await done;
    expect(edge.asked).toEqual([`/v1/graphs/${TAIL_GRAPH}`, `/v1/packs/${pack?.sha256}`]);
    expect(told).toEqual([{ stage: 'rescue', loadedBytes: pack?.numBytes, totalBytes: pack?.numBytes }]);
    expect(await packs.has(edge.manifest.packs)).toBe(true);
    idle.began();
    idle.ended();
    clock.advance(SECOND_MS);
    await settle();
    expect(edge.asked).toHaveLength(2);
    expect(loads()).toBe(1);
  });

  it.each([
    ['something is on its way', { isSettled: false }],
    ['another session is at work', { isLinkFree: false }],
    ['the page is hidden', { isVisible: false }],
  ])('nothing is fetched while %s', async (_what, state) => {
    const { clock, idle, now, done } = open();
    Object.assign(now, state);
    idle.began();
    idle.ended();
    clock.advance(5 * SECOND_MS);
    await settle();
    expect(edge.asked).toEqual([]);
    Object.assign(now, { isSettled: true, isLinkFree: true, isVisible: true });
    clock.advance(SECOND_MS);
    await done;
  });

  it.each([
    ['the app says so', { rescue: 'off' as const }],
    ['it would be more than the app allows', { maxWeightBytes: 5 }],
  ])('nothing is fetched where %s', async (_what, options) => {
    const { clock, idle } = open(options);
    idle.began();
    idle.ended();
    clock.advance(5 * SECOND_MS);
    await settle();
    expect(edge.asked).toEqual([]);
  });

  it('no inference may be under way, and one that begins ends it', async () => {
    const { clock, idle, packs, loads } = open();
    idle.began();
    idle.began();
    idle.ended();
    clock.advance(2 * SECOND_MS);
    await settle();
    expect(edge.asked).toEqual([]);
    idle.ended();
    clock.advance(SECOND_MS);
    idle.began();
    await settle();
    expect(await packs.has(edge.manifest.packs)).toBe(false);
    expect(loads()).toBe(0);
    idle.ended();
    clock.advance(SECOND_MS);
    await expect.poll(() => packs.has(edge.manifest.packs)).toBe(true);
  });

  it('is not waited for for ever: beside inferences that leave none, once nothing was wished for for ten seconds', async () => {
    const { clock, idle, now, done } = open();
    now.isLinkFree = false;
    /** Frames of a camera: the next one begins before the last one has ended. */
    const frames = (ms: number) => {
      for (const endMs = clock.now() + ms; clock.now() < endMs; idle.ended()) {
        idle.began();
        clock.advance(100);
      }
    };
    idle.began();
    frames(9 * SECOND_MS);
    now.isSettled = false;
    frames(20 * SECOND_MS);
    now.isSettled = true;
    frames(10 * SECOND_MS);
    await settle();
    expect(edge.asked).toEqual([]);
    frames(2 * SECOND_MS);
    idle.began();
    await done;
    expect(edge.asked).toHaveLength(2);
  });

  it('of a session that was closed nothing is fetched', async () => {
    const { clock, idle, life } = open();
    idle.began();
    idle.ended();
    life.abort();
    clock.advance(5 * SECOND_MS);
    await settle();
    expect(edge.asked).toEqual([]);
  });
});
