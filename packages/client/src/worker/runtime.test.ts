import { describe, expect, it } from 'vitest';
import { FakeWorker } from '../testing/fake-worker.js';
import { ManualClock } from '../testing/manual-clock.js';
import { tinyHead } from '../testing/tiny-edge.js';
import type { Call } from './messages.js';
import { IDLE_LANE_MS, Runtime } from './runtime.js';

const create = (key: string): Call => ({
  type: 'create',
  key,
  graph: new Uint8Array(4),
  packs: [],
  inputs: [],
  provider: 'wasm',
});
const run = (key: string, isTrial = false): Call => ({ type: 'run', key, feeds: [], fetches: [], isTrial });
const release = (key: string): Call => ({ type: 'release', key });

const settled = () => new Promise((resolve) => setTimeout(resolve));

async function start(
  perform: ConstructorParameters<typeof FakeWorker>[0] = tinyHead,
  wanted: 'auto' | 'wasm' = 'wasm',
) {
  const clock = new ManualClock();
  const workers: FakeWorker[] = [];
  const { runtime } = await Runtime.start(wanted, clock, () => {
    const worker = new FakeWorker(perform);
    workers.push(worker);
    return worker;
  });
  const events: string[] = [];
  runtime.events.on('lost', ({ keys }) => events.push(`lost ${keys.join()}`));
  runtime.events.on('restarted', () => events.push('restarted'));
  runtime.events.on('blocked', (keys) => events.push(`blocked ${keys.join()}`));
  runtime.events.on('freed', (keys) => events.push(`freed ${keys.join()}`));
  /** Keys of the heads that each worker was told to build. */
  const builds = () =>
    workers.map(({ calls }) => calls.flatMap((call) => (call.type === 'create' ? call.key : [])).join());
  /** The same of runs. */
  const runs = () => workers.map(({ calls }) => calls.flatMap((call) => (call.type === 'run' ? call.key : [])).join());
  return { clock, runtime, workers, events, builds, runs };
}

describe('a head is built', () => {
  it('in the worker that is there, as long as no inference runs a head in it', async () => {
    const { runtime, builds, events } = await start();
    await runtime.call(create('a'));
    await runtime.call(run('a', true));
    await runtime.call(create('b'));
    expect(builds()).toEqual(['a,b']);
    // Nobody may choose it while it would have to wait.
    expect(events).toEqual(['blocked a', 'freed a']);
  });

  it('beside the one that inferences run, which do not wait for it', async () => {
    const { runtime, builds, runs, events } = await start((call) =>
      call.type === 'create' && call.key === 'b' ? undefined : tinyHead(call),
    );
    await runtime.call(create('a'));
    await runtime.call(run('a'));
    void runtime.call(create('b'));
    await runtime.call(run('a'));
    expect(builds()).toEqual(['a', 'b']);
    expect(runs()).toEqual(['a,a', '']);
    expect(events).toEqual([]);
  });

  it('by turns in two workers, never where an inference ran last', async () => {
    const { clock, runtime, builds, events } = await start();
    for (const key of ['a', 'b', 'c', 'd']) {
      await runtime.call(create(key));
      clock.advance(10);
      await runtime.call(run(key));
    }
    expect(builds()).toEqual(['a,c', 'b,d']);
    expect(events).toEqual(['blocked a', 'freed a', 'blocked b', 'freed b']);
  });

  it('where onnxruntime-web is already, when an inference waits for it: the server of another copy may be gone', async () => {
    const { runtime, builds, events } = await start();
    await runtime.call(create('a'));
    await runtime.call(run('a'));
    await runtime.call({ ...create('b'), isUrgent: true } as Call);
    expect(builds()).toEqual(['a,b']);
    expect(events).toEqual(['blocked a', 'freed a']);
  });

  it('and what shares its worker is free again when that failed', async () => {
    const { runtime, events } = await start((call) =>
      call.type === 'create' && call.key === 'b' ? { error: 'no memory' } : tinyHead(call),
    );
    await runtime.call(create('a'));
    await expect(runtime.call(create('b'))).rejects.toMatchObject({ code: 'runtime_failed' });
    expect(events).toEqual(['blocked a', 'freed a']);
    await expect(runtime.call(run('b'))).rejects.toMatchObject({ code: 'runtime_failed', message: /no head b/ });
  });

  it('after another one, and what shares their worker waits for both', async () => {
    const { runtime, events, workers } = await start((call) =>
      call.type === 'create' && call.key !== 'a' ? undefined : tinyHead(call),
    );
    await runtime.call(create('a'));
    const both = [runtime.call(create('b')), runtime.call(create('c'))];
    const value = { inputNames: ['x'], provider: 'wasm', warmUpMs: 1 } as const;
    workers[0]?.answer(3, { value });
    await both[0];
    expect(events).toEqual(['blocked a']);
    workers[0]?.answer(4, { value });
    await both[1];
    expect(events).toEqual(['blocked a', 'freed a']);
  });
});

/** Heads `a` and `b` in two workers. */
async function startTwo() {
  const started = await start();
  const { clock, runtime } = started;
  for (const key of ['a', 'b']) {
    await runtime.call(create(key));
    clock.advance(10);
    await runtime.call(run(key));
  }
  expect(started.workers).toHaveLength(2);
  return started;
}

describe('a second worker', () => {
  it('ends with its last head, which gives its memory back', async () => {
    const { runtime, workers, runs } = await startTwo();
    await runtime.call(release('a'));
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
    await runtime.call(run('b'));
    expect(runs()).toEqual(['a', 'b,b']);
    // The last one stays: it is where the next head is built.
    await runtime.call(release('b'));
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
    expect(workers[1]?.calls.at(-1)).toEqual(release('b'));
  });

  it('stays when its last head makes room for one that is built there', async () => {
    const { runtime, workers, builds } = await startTwo();
    await runtime.call({ ...create('c'), instead: ['a'] } as Call);
    expect(builds()).toEqual(['a,c', 'b']);
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([false, false]);
    expect(workers[0]?.calls.slice(-2)).toMatchObject([release('a'), { type: 'create', key: 'c' }]);
    await runtime.call({ ...create('d'), instead: ['b'] } as Call);
    expect(
      workers.map(({ isTerminated }) => isTerminated),
      'nothing is built in the other one',
    ).toEqual([false, true]);
  });

  it('finishes what it is at before it ends', async () => {
    const { clock, runtime, workers } = await start((call) => (call.type === 'run' ? undefined : tinyHead(call)));
    await runtime.call(create('a'));
    const running = runtime.call(run('a'));
    clock.advance(10);
    await runtime.call(create('b'));
    expect(workers).toHaveLength(2);
    await runtime.call(release('a'));
    expect(workers[0]?.isTerminated).toBe(false);
    workers[0]?.answer(3, { value: { outputs: [], encoded: [], headMs: 1, encodeMs: 0 } });
    expect(((await running) as { headMs: number }).headMs).toBe(1);
  });

  it('that lies idle while the other works ends, and its heads are lost', async () => {
    const { clock, runtime, workers, events } = await startTwo();
    clock.advance(IDLE_LANE_MS - 1);
    await runtime.call(run('b'));
    clock.advance(IDLE_LANE_MS);
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
    expect(events).toEqual(['lost a']);
    await expect(runtime.call(run('a'))).rejects.toMatchObject({ code: 'runtime_failed' });
  });

  it('stays while the page as a whole rests', async () => {
    const { clock, workers, events } = await startTwo();
    clock.advance(10 * IDLE_LANE_MS);
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([false, false]);
    expect(events).toEqual([]);
  });

  it('that fails takes its own heads alone', async () => {
    const { clock, runtime, workers, events } = await startTwo();
    workers[0]?.say({ deviceLost: 'the driver went away' });
    expect(events).toEqual(['lost a']);
    await runtime.call(run('b'));
    clock.advance(1000);
    await settled();
    expect(events).toEqual(['lost a', 'restarted']);
  });

  it('that fails with the first one is one loss: a crash of the driver takes both', async () => {
    const { clock, runtime, workers } = await startTwo();
    for (let crash = 1; crash <= 3; crash++) {
      for (const worker of workers.slice(-2)) worker.say({ deviceLost: 'the driver went away' });
      clock.advance(1000);
      await settled();
    }
    expect(workers).toHaveLength(8);
    expect(workers.slice(-2).map(({ calls }) => calls[0])).toMatchObject([{ device: 'wasm' }, { device: 'wasm' }]);
    await runtime.call(create('c'));
  });

  it('is closed with the first', async () => {
    const { runtime, workers } = await startTwo();
    runtime.close();
    expect(workers.every(({ isTerminated }) => isTerminated)).toBe(true);
    await expect(runtime.call(run('a'))).rejects.toMatchObject({ code: 'closed' });
  });
});

/** A page with a graphics device. */
function onGpu(call: Call): ReturnType<typeof tinyHead> {
  if (call.type !== 'probe' || call.device === 'wasm') return tinyHead(call);
  return { value: { kind: 'webgpu', build: 'jspi', threads: 1, reason: 'a test' } };
}

describe('where heads run on WebGPU, one that is asked for on WASM', () => {
  const onWebGpu = (key: string) => ({ ...create(key), provider: 'webgpu' }) as Call;

  it('is built in a worker of the plain build, and the others stay where they are', async () => {
    const { runtime, workers, builds } = await start(onGpu, 'auto');
    await runtime.call(onWebGpu('a'));
    await runtime.call(create('b'));
    await runtime.call(onWebGpu('c'));
    await runtime.call(create('d'));
    expect(builds()).toEqual(['a,c', 'b,d']);
    expect(workers.map(({ calls }) => calls[0])).toMatchObject([{ device: 'auto' }, { device: 'wasm' }]);
  });

  it('moves there without losing what runs by it', async () => {
    const { runtime, workers, runs, events } = await start(
      (call) => (call.type === 'run' && workers.length === 1 ? undefined : onGpu(call)),
      'auto',
    );
    await runtime.call(onWebGpu('a'));
    const running = runtime.call(run('a'));
    await runtime.call(create('a'));
    expect(workers[0]?.isTerminated).toBe(false);
    await runtime.call(run('a'));
    expect(runs()).toEqual(['a', 'a']);
    workers[0]?.answer(3, { value: { outputs: [], encoded: [], headMs: 7, encodeMs: 0 } });
    expect(await running).toMatchObject({ headMs: 7 });
    expect(events).toEqual([]);
  });

  it('leaves no worker behind in which nothing is left', async () => {
    const { runtime, workers } = await start(onGpu, 'auto');
    await runtime.call(onWebGpu('a'));
    await runtime.call(create('a'));
    expect(workers.map(({ isTerminated }) => isTerminated)).toEqual([true, false]);
  });

  it('does not move the others when its worker fails and is back', async () => {
    const { clock, runtime, workers } = await start(onGpu, 'auto');
    await runtime.call(onWebGpu('a'));
    await runtime.call(create('b'));
    const told = new Promise((resolve) => runtime.events.on('restarted', resolve));
    workers[1]?.say({ deviceLost: 'it froze' });
    clock.advance(1000);
    expect(await told).toMatchObject({ kind: 'webgpu' });
    expect(workers[0]?.isTerminated).toBe(false);
  });
});
