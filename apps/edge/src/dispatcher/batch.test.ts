import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeTensors, ProtocolError, type TensorArray, tensorArray } from '@cutpoint/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SERVER_OPTIONS } from '../server/options.js';
import { ServedVersion } from '../server/served-version.js';
import { floats } from '../testing/test-client.js';
import { pickModel } from '../testing/tiny-models.js';
import type { BatchMember, BatchTask, TailOutcome } from './dispatcher.js';
import { ThreadDispatcher } from './thread-dispatcher.js';

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-batch-'));
let dispatcher: ThreadDispatcher;
beforeAll(() => {
  dispatcher = new ThreadDispatcher({ ...DEFAULT_SERVER_OPTIONS, workers: 1 });
});
afterAll(async () => {
  await dispatcher.close();
  rmSync(folder, { recursive: true });
});

function graphsOf(wrong = false) {
  const version = new ServedVersion(pickModel(folder, { wrong }));
  const [table = ''] = version.prepared.tables.keys();
  const { graphFile = '', batchGraphFile = '', crossing } = version.cut(table, 0) ?? expect.fail('no cut');
  return { graphFile, batchGraphFile, inputs: crossing, outputs: ['y'] };
}

function member(x: readonly number[], pick: number): BatchMember {
  const picked = { name: 'pick', type: 'int64' as const, dims: [1, 1], data: BigInt64Array.of(BigInt(pick)) };
  const { tensors, parts } = encodeTensors([floats('x', [1, 4], x), picked]);
  return { inputs: tensors, payload: new Uint8Array(Buffer.concat(parts)) };
}

const taskOf = (members: readonly BatchMember[], more: Partial<BatchTask> = {}): BatchTask => {
  const { graphFile, batchGraphFile, outputs } = graphsOf();
  return { graphFile, batchGraphFile, outputs, members, ...more };
};

function valuesOf(outcome: TailOutcome | Error | undefined): TensorArray | string {
  if (outcome === undefined || outcome instanceof Error) return outcome?.message ?? 'nothing';
  expect(outcome.tensors).toMatchObject([{ name: 'y', dims: [1, 4] }]);
  return tensorArray('float32', outcome.payload);
}

describe('a batch', () => {
  it('gives each member what it would have got by itself', async () => {
    const inputs: [number[], number][] = [
      [[1, 2, 3, 4], 0],
      [[5, 6, 7, 8], 1],
      [[-1, 0, 1, 0.5], 3],
    ];
    const { outcomes, together, failure } = await dispatcher.runBatch(taskOf(inputs.map((own) => member(...own))));
    expect([together, failure]).toEqual([3, undefined]);
    for (const [index, [x, pick]] of inputs.entries()) {
      const { graphFile, outputs } = graphsOf();
      const single = await dispatcher.run({ graphFile, outputs, ...member(x, pick) });
      expect(valuesOf(outcomes[index])).toEqual(valuesOf(single));
      expect(valuesOf(outcomes[index])).toEqual(Float32Array.from(x, (value) => value * (pick + 1)));
    }
  });

  it('runs without a member whose bytes are not what they say', async () => {
    const [x, pick] = member([1, 1, 1, 1], 0).inputs;
    if (x === undefined || pick === undefined) return expect.fail('two inputs');
    // It says that it can be inflated.
    const bad = { inputs: [{ ...x, deflated: true }, pick], payload: new Uint8Array(24).fill(7) };
    const { outcomes, together } = await dispatcher.runBatch(
      taskOf([member([1, 1, 1, 1], 1), bad, member([2, 2, 2, 2], 1)]),
    );
    expect(together).toBe(2);
    expect(outcomes[1]).toBeInstanceOf(ProtocolError);
    expect(outcomes[1]).toMatchObject({ code: 'bad_tensors' });
    expect([outcomes[0], outcomes[2]].map(valuesOf)).toEqual([
      Float32Array.of(2, 2, 2, 2),
      Float32Array.of(4, 4, 4, 4),
    ]);
  });

  it('that fails because of one member is run one by one, and only that one fails', async () => {
    const { outcomes, together, failure } = await dispatcher.runBatch(
      taskOf([member([1, 1, 1, 1], 1), member([1, 1, 1, 1], 9), member([2, 2, 2, 2], 1)]),
    );
    expect([together, failure], 'no fault of the graph').toEqual([0, undefined]);
    expect([outcomes[0], outcomes[2]].map(valuesOf)).toEqual([
      Float32Array.of(2, 2, 2, 2),
      Float32Array.of(4, 4, 4, 4),
    ]);
    expect(outcomes[1]).toBeInstanceOf(Error);
    expect(outcomes[1]).not.toBeInstanceOf(ProtocolError);
  });

  it('whose graph cannot be run is run one by one, and says so', async () => {
    const batchGraphFile = join(folder, 'no-graph');
    writeFileSync(batchGraphFile, 'not a graph');
    const members = [member([1, 1, 1, 1], 1), member([2, 2, 2, 2], 1)];
    const { outcomes, together, failure } = await dispatcher.runBatch(taskOf(members, { batchGraphFile }));
    expect(together).toBe(0);
    expect(failure).toBeTruthy();
    expect(outcomes.map(valuesOf)).toEqual([Float32Array.of(2, 2, 2, 2), Float32Array.of(4, 4, 4, 4)]);
  });
});

describe('a trial', () => {
  it('compares the answers, and then times both ways', async () => {
    const task = { ...graphsOf(), size: 3 };
    expect(await dispatcher.tryBatch({ ...task, isCheck: true })).not.toHaveProperty('difference');
    const { oneMs, togetherMs, pairs } = await dispatcher.tryBatch({ ...task, isCheck: false });
    expect(Math.min(oneMs, togetherMs, pairs)).toBeGreaterThan(0);
  });

  it('finds a graph out in which inputs get mixed', async () => {
    const { difference } = await dispatcher.tryBatch({ ...graphsOf(true), size: 3, isCheck: true });
    expect(difference).toContain('"y"');
  });
});
