import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeTensors } from '@cutpoint/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_SERVER_OPTIONS } from '../server/options.js';
import { threadNiceness } from '../testing/niceness.js';
import { bytes, floats } from '../testing/test-client.js';
import { slowModel, tinyModel, wideTail } from '../testing/tiny-models.js';
import type { ProviderFallback, TailTask } from './dispatcher.js';
import { ThreadDispatcher } from './thread-dispatcher.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-dispatcher-'));
afterAll(() => rmSync(folder, { recursive: true }));

const options = {
  ...DEFAULT_SERVER_OPTIONS,
  workers: 2,
  sessionsPerWorker: 4,
};

function tinyTask(): TailTask {
  const [table] = tinyModel(folder).tables.values();
  const { tensors, parts } = encodeTensors([bytes('mask', [0, 0, 0]), floats('x', [1, 4], [1, 2, 3, 4])]);
  return {
    graphFile: join(folder, table?.cuts[0]?.tailGraph ?? ''),
    inputs: tensors,
    payload: new Uint8Array(parts.flatMap((part) => [...part])),
    outputs: ['y'],
  };
}

describe('the dispatcher', () => {
  it('sends a tail to the worker that has it open, and opens it on all when asked to warm up', async () => {
    const dispatcher = new ThreadDispatcher(options);
    const first = await dispatcher.run(tinyTask());
    expect(first.isFirstRun).toBe(true);
    for (let run = 0; run < 3; run += 1) expect((await dispatcher.run(tinyTask())).isFirstRun).toBe(false);
    await dispatcher.warm(tinyTask());
    const both = await Promise.all([dispatcher.run(tinyTask()), dispatcher.run(tinyTask())]);
    expect(both.map(({ isFirstRun }) => isFirstRun)).toEqual([false, false]);
    await dispatcher.close();
  });

  it('times opening a session apart from running it', async () => {
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1 });
    const [table] = slowModel(folder).tables.values();
    const { tensors } = encodeTensors([floats('x', [1], [0])]);
    const graphFile = join(folder, table?.cuts[0]?.tailGraph ?? '');
    const run = () => dispatcher.run({ graphFile, inputs: tensors, payload: new Uint8Array(4), outputs: ['y'] });
    const startMs = performance.now();
    const first = await run();
    const wholeMs = performance.now() - startMs;
    const again = await run();
    expect(first.sessionMs, 'opened once').toBeGreaterThan(5 * again.sessionMs);
    // Neither is in the other.
    const { sessionMs, decodeMs, tailMs, encodeMs } = first;
    expect(sessionMs + decodeMs + tailMs + encodeMs).toBeLessThanOrEqual(wholeMs);
    await dispatcher.close();
  });

  it.runIf(process.platform === 'linux')('runs tails in threads that give way to the one that answers', async () => {
    const before = threadNiceness().filter((niceness) => niceness > 0).length;
    const dispatcher = new ThreadDispatcher(options);
    await dispatcher.warm(tinyTask());
    const after = threadNiceness();
    expect(after.filter((niceness) => niceness > 0)).toHaveLength(before + options.workers);
    expect(getPriority()).toBe(0);
    await dispatcher.close();
  });

  it('lets threads load before it closes: one that is stopped inside onnxruntime aborts the process', async () => {
    const loads = join(folder, 'loads');
    const slow = join(folder, 'slow-to-load.mjs');
    writeFileSync(
      slow,
      `import { appendFileSync } from 'node:fs';
      await new Promise((resolve) => setTimeout(resolve, 300));
      appendFileSync(${JSON.stringify(loads)}, 'loaded ');
      export default () => 'never asked';`,
    );
    await new ThreadDispatcher({ ...options, workerFile: slow }).close();
    expect(readFileSync(loads, 'utf8')).toBe('loaded loaded ');

    const broken = join(folder, 'broken.mjs');
    writeFileSync(broken, `throw new Error('cannot be loaded');`);
    await new ThreadDispatcher({ ...options, workerFile: broken }).close();
  });

  it('rejects the task of a worker that dies, and goes on with another worker', async () => {
    const workerFile = join(folder, 'mortal.mjs');
    writeFileSync(
      workerFile,
      `export default async ({ graphFile }) => {
        if (graphFile === 'die') process.exit(3);
        if (graphFile === 'throw') throw new Error('out of luck');
        return { tailMs: 7, released: [], fallbacks: [] };
      };`,
    );
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1, workerFile });
    const task = (graphFile: string) => ({ graphFile, inputs: [], outputs: [], payload: new Uint8Array(1) });
    await expect(dispatcher.run(task('throw'))).rejects.toThrow('out of luck');
    await expect(dispatcher.run(task('die'))).rejects.toThrow('exited with code: 3');
    expect(await dispatcher.run(task('live'))).toMatchObject({ tailMs: 7 });
    await dispatcher.close();
  });

  it('gives a worker what is to follow at once, and runs it on another one when that dies before', async () => {
    const workerFile = join(folder, 'in-turn.mjs');
    writeFileSync(
      workerFile,
      `let last = Promise.resolve();
      const run = async ({ graphFile, payload }) => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (graphFile === 'die') process.exit(3);
        if (graphFile === 'throw') throw new Error('out of luck');
        return { tailMs: payload[0], released: [], fallbacks: [] };
      };
      export default (task) => (last = last.catch(() => {}).then(() => run(task)));`,
    );
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1, workerFile });
    const task = (graphFile: string, value = 0) => {
      return { graphFile, inputs: [], outputs: [], payload: Uint8Array.of(value) };
    };
    const both = (first: string, second: string) => {
      const [turn, behind] = [{}, {}];
      const before = dispatcher.run(task(first, 1), { turn: behind });
      return Promise.allSettled([before, dispatcher.run(task(second, 2), { turn, behind })]);
    };
    const wellDone = (tailMs: number) => ({ status: 'fulfilled', value: { tailMs } });
    const failed = (message: string) => ({ status: 'rejected', reason: { message: expect.stringContaining(message) } });
    expect(await both('live', 'live')).toMatchObject([wellDone(1), wellDone(2)]);
    expect(await both('throw', 'live')).toMatchObject([failed('out of luck'), wellDone(2)]);
    expect(await both('die', 'live')).toMatchObject([failed('exited with code: 3'), wellDone(2)]);
    // Whoever brings a worker down is not given another one.
    const threads = new Set<unknown>();
    for (const thread of dispatcher.threads) threads.add(thread);
    expect(await both('live', 'die')).toMatchObject([wellDone(1), failed('exited with code: 3')]);
    for (const thread of dispatcher.threads) threads.add(thread);
    expect(threads.size).toBe(2);
    await dispatcher.close();
  });

  it('waits for what runs when it is closed', async () => {
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1 });
    const [table] = slowModel(folder).tables.values();
    const { tensors } = encodeTensors([floats('x', [1], [0])]);
    const graphFile = join(folder, table?.cuts[0]?.tailGraph ?? '');
    const running = dispatcher.run({ graphFile, inputs: tensors, payload: new Uint8Array(4), outputs: ['y'] });
    await dispatcher.close();
    expect((await running).tensors).toHaveLength(1);
  });
});

function wideTask(relus: number, weights: TailTask['weights']): TailTask {
  const { graphFile, side } = wideTail(folder, relus);
  const { tensors, numBytes } = encodeTensors([floats('x', [1, side], new Array(side).fill(1))]);
  const payload = new Uint8Array(numBytes);
  new Float32Array(payload.buffer).fill(1);
  return { graphFile, inputs: tensors, payload, outputs: ['y'], ...(weights && { weights }) };
}

describe('the memory of open tails', () => {
  it('is bounded over all workers: the least recently used goes, and is opened again when it is asked for', async () => {
    // Room for two of them at each worker.
    const dispatcher = new ThreadDispatcher({ ...options, workers: 2, tailMemoryBytes: 2 * 2 * 25 * 2 ** 20 });
    const isFirst = async (relus: number) => (await dispatcher.run(wideTask(relus, 'own'))).isFirstRun;
    expect([await isFirst(1), await isFirst(2), await isFirst(1), await isFirst(2)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    for (const relus of [3, 4, 5]) expect(await isFirst(relus)).toBe(true);
    expect(await isFirst(5)).toBe(false);
    expect(await isFirst(1), 'it had to go').toBe(true);
    await dispatcher.close();
  });

  it.skipIf(process.platform !== 'linux')('does not grow with the tails where they share their weights', async () => {
    const pssMB = () => Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]) / 1_000;
    const growthMB = async (shareWeights: 'always' | 'never') => {
      const dispatcher = new ThreadDispatcher({ ...options, workers: 1, sessionsPerWorker: 10, shareWeights });
      const first = await dispatcher.run(wideTask(1, 'mapped'));
      const beforeMB = pssMB();
      for (let relus = 2; relus <= 9; relus += 1) {
        const { payload } = await dispatcher.run(wideTask(relus, 'mapped'));
        expect(Buffer.compare(payload, first.payload), 'the same answer').toBe(0);
      }
      const grownMB = pssMB() - beforeMB;
      await dispatcher.close();
      return grownMB;
    };
    // Eight more tails over 17 MB of weights.
    expect(await growthMB('always')).toBeLessThan(2 * 17);
    expect(await growthMB('never')).toBeGreaterThan(5 * 17);
  });
});

describe('tails that are served no more', () => {
  it('are let go by the workers that have them, and those beside them stay', async () => {
    const dispatcher = new ThreadDispatcher(options);
    const wide = wideTask(1, 'own').graphFile;
    await dispatcher.warm(tinyTask());
    await dispatcher.warm(wideTask(1, 'own'));
    expect(dispatcher.openTails.count).toBe(4);
    const running = Promise.all([dispatcher.run(wideTask(1, 'own')), dispatcher.run(tinyTask())]);
    await dispatcher.keepOnly((graphFile) => graphFile !== wide);
    expect(dispatcher.openTails.count).toBe(2);
    for (const { isFirstRun } of await running) expect(isFirstRun, 'what ran was not disturbed').toBe(false);
    expect((await dispatcher.run(tinyTask())).isFirstRun).toBe(false);
    expect((await dispatcher.run(wideTask(1, 'own'))).isFirstRun).toBe(true);
    await dispatcher.close();
  });

  it.skipIf(process.platform !== 'linux')('give their memory to those that come', async () => {
    const pssMB = () => Number(/^Pss:\s+(\d+)/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1]) / 1_000;
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1, sessionsPerWorker: 10 });
    const cycle = async () => {
      for (let relus = 1; relus <= 6; relus += 1) await dispatcher.run(wideTask(relus, 'own'));
      const fullMB = pssMB();
      await dispatcher.keepOnly(() => false);
      return fullMB;
    };
    // What is free is given to the system or kept, as the allocator likes, which it settles in the first; six times 17 MB are
    // never held twice.
    await cycle();
    const settled = await cycle();
    await cycle();
    await cycle();
    // A third of them kept each time would be as much.
    expect((await cycle()) - settled).toBeLessThan(6 * 17);
    await dispatcher.close();
  });
});

describe('an execution provider that is not there', () => {
  // Part of no package; where somebody has installed it, it runs the tail and there is nothing to tell.
  const providers = ['cuda'] as const;

  it('is told once, and the CPU takes over', async () => {
    const told: ProviderFallback[] = [];
    const dispatcher = new ThreadDispatcher({ ...options, providers, onFallback: (fallback) => told.push(fallback) });
    const answers = [await dispatcher.run(tinyTask()), await dispatcher.run(tinyTask())];
    await dispatcher.warm(wideTask(1, 'own'));
    for (const { payload } of answers) {
      expect([...new Float32Array(payload.buffer)]).toEqual([1, 4, 9, 16]);
    }
    const isInstalled = answers[0]?.fallbacks.length === 0;
    if (!isInstalled) expect(told).toEqual([{ provider: 'cuda', reason: expect.stringMatching(/load|cuda/i) }]);
    else expect(told).toEqual([]);
    await dispatcher.close();
  });
});

describe('onnxruntime that throws', () => {
  it('costs the task, and not the worker', async () => {
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1 });
    const good = tinyTask();
    await expect(dispatcher.run({ ...tinyTask(), outputs: ['there is no such output'] })).rejects.toThrow(
      'no such output',
    );
    const thread = dispatcher.threads[0]?.threadId;
    expect((await dispatcher.run(good)).isFirstRun).toBe(false);
    expect(dispatcher.threads[0]?.threadId).toBe(thread);
    await dispatcher.close();
  });

  it('because a file vanished costs the task, and its tail runs again when the file is back', async () => {
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1 });
    const task = tinyTask();
    renameSync(task.graphFile, `${task.graphFile}.gone`);
    await expect(dispatcher.run(task)).rejects.toThrow('ENOENT');
    renameSync(`${task.graphFile}.gone`, task.graphFile);
    expect((await dispatcher.run(tinyTask())).isFirstRun).toBe(true);
    await dispatcher.close();
  });
});
