import { describe, expect, it } from 'vitest';
import { FakeWorker } from '../testing/fake-worker.js';
import { ManualClock } from '../testing/manual-clock.js';
import { tinyHead } from '../testing/tiny-edge.js';
import { CALL_LIMITS_MS } from './call-watch.js';
import { Lane } from './lane.js';
import type { Call } from './messages.js';

const RUN: Call = { type: 'run', key: 'head', feeds: [], fetches: [] };
const CREATE: Call = { type: 'create', key: 'head', graph: new Uint8Array(4), packs: [], inputs: [], provider: 'wasm' };
const LOAD: Call = { type: 'load' };

type Performance = ConstructorParameters<typeof FakeWorker>[0];

/** Answers the probe and nothing else. */
const probeOnly: Performance = (call) => (call.type === 'probe' ? tinyHead(call) : undefined);

/** @param performances of one worker after another; the last one for all that follow */
async function start(...performances: Performance[]) {
  const clock = new ManualClock();
  const workers: FakeWorker[] = [];
  const spawn = () => {
    const worker = new FakeWorker(performances[Math.min(workers.length, performances.length - 1)]);
    workers.push(worker);
    return worker;
  };
  const losses = { count: 0, lastMs: Number.NEGATIVE_INFINITY };
  const lane = new Lane({ wanted: 'auto', hints: () => ({}), clock, spawn, losses });
  const device = await lane.choose();
  const lost: string[] = [];
  const restarted: string[] = [];
  lane.events.on('lost', (reason) => lost.push(reason));
  lane.events.on('restarted', ({ reason }) => restarted.push(reason));
  return { clock, lane, device, workers, lost, restarted };
}

/** What a run gives that took so long. */
const ran = (headMs: number) => ({ outputs: [], encoded: [], headMs, encodeMs: 0 });

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('calls of a lane', () => {
  it('are answered by their own id', async () => {
    const { lane, device, workers } = await start(probeOnly);
    expect(device.kind).toBe('wasm');
    const [first, second] = [lane.call(RUN), lane.call(RUN)];
    workers[0]?.answer(3, { value: ran(3) });
    workers[0]?.answer(2, { value: ran(2) });
    expect([(await first).headMs, (await second).headMs]).toEqual([2, 3]);
  });

  it('fail alone when onnxruntime fails at them', async () => {
    const { lane, lost } = await start((call) => (call.type === 'run' ? { error: 'no memory' } : tinyHead(call)));
    await expect(lane.call(RUN)).rejects.toMatchObject({ code: 'runtime_failed', message: /no memory/ });
    expect(lost).toEqual([]);
  });

  it('are taken back from the worker when aborted', async () => {
    const { lane, workers } = await start(probeOnly);
    const abort = new AbortController();
    const call = lane.call(RUN, [], abort.signal);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'aborted' });
    expect(workers[0]?.cancelled).toEqual([2]);
    await expect(lane.call(RUN, [], abort.signal)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('are rejected when it is closed', async () => {
    const { lane, workers } = await start(probeOnly);
    const caught = expect(lane.call(RUN)).rejects.toMatchObject({ code: 'closed' });
    lane.close();
    await caught;
    expect(workers[0]?.isTerminated).toBe(true);
    await expect(lane.call(RUN)).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('a worker that freezes', () => {
  it.each([
    ['a run', RUN, CALL_LIMITS_MS.run],
    ['a create in a fresh worker, which loads as well', CREATE, CALL_LIMITS_MS.create + CALL_LIMITS_MS.load],
  ])('at %s is replaced when its time is up, and the next call finds the new one', async (_what, call, limitMs) => {
    const { clock, lane, workers, lost, restarted } = await start(probeOnly, tinyHead);
    const caught = expect(lane.call(call)).rejects.toMatchObject({ code: 'runtime_failed', message: /within/ });
    clock.advance(limitMs - 1);
    expect(workers).toHaveLength(1);
    clock.advance(1);
    await caught;
    expect(workers[0]?.isTerminated).toBe(true);
    expect(lost).toHaveLength(1);
    const next = lane.call(RUN);
    clock.advance(1000);
    expect((await next).headMs).toBe(1);
    expect(workers).toHaveLength(2);
    expect(restarted).toHaveLength(1);
  });

  it('while onnxruntime-web is on its way is tried again, each time with twice the time', async () => {
    const { clock, lane, workers, lost } = await start(probeOnly);
    for (const doublings of [0, 1, 2]) {
      const caught = expect(lane.call(LOAD)).rejects.toMatchObject({ code: 'runtime_unavailable' });
      // The new worker comes after a pause.
      clock.advance(doublings === 0 ? 0 : 60_000);
      await settled();
      clock.advance(CALL_LIMITS_MS.load * 2 ** doublings - 1);
      expect(workers.at(-1)?.isTerminated, `try ${doublings}`).toBe(false);
      clock.advance(1);
      await caught;
      expect(workers.at(-1)?.isTerminated).toBe(true);
    }
    expect(lost).toEqual([]);
  });

  it('counts from when a call begins, not from when it was made', async () => {
    const { clock, lane, workers } = await start(probeOnly);
    const [first, second] = [lane.call(RUN), lane.call(RUN)];
    clock.advance(CALL_LIMITS_MS.run - 1);
    workers[0]?.answer(2, { value: ran(1) });
    await first;
    clock.advance(CALL_LIMITS_MS.run - 1);
    expect(workers[0]?.isTerminated).toBe(false);
    workers[0]?.answer(3, { value: ran(1) });
    await second;
    clock.advance(CALL_LIMITS_MS.run * 10);
    expect(workers[0]?.isTerminated).toBe(false);
  });

  it('at a run that nobody waits for any more is replaced all the same', async () => {
    const { clock, lane, workers } = await start(probeOnly);
    const abort = new AbortController();
    const caught = expect(lane.call(RUN, [], abort.signal)).rejects.toMatchObject({ code: 'aborted' });
    abort.abort();
    await caught;
    clock.advance(CALL_LIMITS_MS.run);
    expect(workers[0]?.isTerminated).toBe(true);
  });

  it('before it has chosen a device lets nobody wait for ever', async () => {
    const clock = new ManualClock();
    const worker = new FakeWorker();
    const losses = { count: 0, lastMs: 0 };
    const lane = new Lane({ wanted: 'auto', hints: () => ({}), clock, spawn: () => worker, losses });
    const caught = expect(lane.choose()).rejects.toMatchObject({ code: 'runtime_failed' });
    clock.advance(CALL_LIMITS_MS.probe);
    await caught;
    expect(worker.isTerminated).toBe(true);
  });
});

describe('a worker that fails', () => {
  it('is replaced when the graphics device is lost; after three times heads stay on the CPU', async () => {
    const { clock, lane, workers, restarted } = await start(tinyHead);
    for (let losses = 1; losses <= 4; losses++) {
      workers.at(-1)?.say({ deviceLost: 'the driver went away' });
      clock.advance(1000);
      await lane.call(RUN);
      expect(workers.at(-1)?.calls[0]).toMatchObject({ type: 'probe', device: losses <= 3 ? 'auto' : 'wasm' });
    }
    expect(restarted.at(-1)).toMatch(/WebGPU failed 4 times/);
  });

  it('for ever is not started for ever, and says why', async () => {
    const { clock, lane, workers } = await start(tinyHead);
    for (let losses = 1; losses <= 7; losses++) {
      workers.at(-1)?.say({ deviceLost: 'the driver went away' });
      clock.advance(1000);
      await settled();
    }
    expect(workers).toHaveLength(7);
    await expect(lane.call(RUN)).rejects.toMatchObject({ code: 'runtime_failed', message: /driver went away/ });
  });

  it('to fetch onnxruntime-web is replaced, and the next call fetches it again', async () => {
    const { clock, lane, workers } = await start(
      (call) => (call.type === 'load' ? { error: 'offline', isUnavailable: true } : tinyHead(call)),
      tinyHead,
    );
    await expect(lane.call(LOAD)).rejects.toMatchObject({ code: 'runtime_unavailable', message: /offline/ });
    const again = lane.call(LOAD);
    clock.advance(500);
    expect(await again).toMatchObject({ ms: 1 });
    expect(workers).toHaveLength(2);
  });
});
