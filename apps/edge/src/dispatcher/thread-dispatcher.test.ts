import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeTensors } from '@cutpoint/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { bytes, floats } from '../testing/test-client.js';
import { slowModel, tinyModel } from '../testing/tiny-models.js';
import type { TailTask } from './dispatcher.js';
import { ThreadDispatcher } from './thread-dispatcher.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-dispatcher-'));
afterAll(() => rmSync(folder, { recursive: true }));

const options = { workers: 2, threadsPerWorker: 1, sessionsPerWorker: 4 };

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
    const first = await run();
    const again = await run();
    expect(first.sessionMs, 'opened once').toBeGreaterThan(5 * again.sessionMs);
    // A network that only takes its time: opening it is nothing beside running it.
    expect(first.tailMs).toBeGreaterThan(first.sessionMs);
    expect(first.tailMs).toBeGreaterThan(again.tailMs / 3);
    expect(first.tailMs).toBeLessThan(again.tailMs * 3);
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
        return { tailMs: 7 };
      };`,
    );
    const dispatcher = new ThreadDispatcher({ ...options, workers: 1, workerFile });
    const task = (graphFile: string) => ({ graphFile, inputs: [], outputs: [], payload: new Uint8Array(1) });
    await expect(dispatcher.run(task('throw'))).rejects.toThrow('out of luck');
    await expect(dispatcher.run(task('die'))).rejects.toThrow('exited with code: 3');
    expect(await dispatcher.run(task('live'))).toEqual({ tailMs: 7 });
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
