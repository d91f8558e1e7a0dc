import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OnnxRuntime, RuntimeTensors } from '@cutpoint/onnx';
import { type CutTable, parseCutTable, parseManifest, type Variant } from '@cutpoint/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelConfig } from '../models/config.js';
import { sha256Of } from '../models/hash.js';
import { ModelRepository } from '../models/repository.js';
import { createNodeRuntime } from '../ort/runtime.js';
import { WEIGHTS } from '../ort/weights.js';
import { childProcesses } from '../testing/niceness.js';
import { prepareModel } from './prepare.js';
import type { PreparedModel, PrepareRequest } from './prepared.js';
import { randomFeeds } from './random-feeds.js';

const MODELS = new URL('../../../../models', import.meta.url).pathname;

let storeDir = '';
let request: PrepareRequest;
let prepared: PreparedModel;
let runtime: OnnxRuntime;
const stages = new Set<string>();

beforeAll(async () => {
  storeDir = await mkdtemp(join(tmpdir(), 'cutpoint-prepare-'));
  const repository = new ModelRepository({ dir: MODELS, storeDir, prepare: prepareModel });
  const located = await repository.locate('ppocr-rec');
  // One size of each kind: what holds for one holds for the others, and a test has to be quick.
  const config: ModelConfig = {
    ...located.config,
    ...(located.config.pixels === undefined ? {} : { pixels: { ...located.config.pixels, sizes: [[48, 160]] } }),
    dims: [{ x: [1, 3, 48, 160] }],
  };
  request = { ...located, config, storeDir, onProgress: ({ stage }) => stages.add(stage) };
  prepared = await prepareModel(request);
  runtime = createNodeRuntime({ dir: prepared.objectsDir, threads: 1 });
}, 120_000);

afterAll(async () => {
  await rm(storeDir, { recursive: true });
});

function tableOf(variant: Variant): CutTable {
  const table = prepared.tables.get(variant.table);
  if (table === undefined) throw new Error(`no table for ${variant.id}`);
  return table;
}

async function runGraph(sha256: string, available: RuntimeTensors): Promise<RuntimeTensors> {
  const session = await runtime.open(await readFile(join(prepared.objectsDir, sha256)));
  try {
    const feeds = session.inputs.flatMap(({ name }) => {
      const tensor = available[name];
      return tensor === undefined ? [] : [[name, tensor] as const];
    });
    return await session.run(Object.fromEntries(feeds));
  } finally {
    await session.release();
  }
}

function feedsOf(variant: Variant): RuntimeTensors {
  return randomFeeds(variant.inputs.map((input) => ({ ...input, numBytes: 0, dynamic: false })));
}

const floats = (bytes: Uint8Array | undefined) => new Float32Array((bytes ?? new Uint8Array()).slice().buffer);

describe('a prepared model', () => {
  it('has a manifest and tables that the wire accepts', () => {
    expect(parseManifest(prepared.manifest)).toEqual(prepared.manifest);
    expect(prepared.manifest.variants.map(({ id, kind }) => [id, kind])).toEqual([
      ['pixels:48x160', 'pixels'],
      ['tensors:x=1,3,48,160', 'tensors'],
    ]);
    for (const variant of prepared.manifest.variants) {
      const table = tableOf(variant);
      expect(parseCutTable(table)).toEqual(table);
      expect(table.variant).toBe(variant.id);
      expect(sha256Of(JSON.stringify(table))).toBe(variant.table);
    }
    const [pixels, tensors] = prepared.manifest.variants;
    expect(pixels?.inputs).toEqual([{ name: pixels?.image?.input, type: 'uint8', dims: [48, 160, 3] }]);
    expect(tensors?.inputs).toEqual([{ name: 'x', type: 'float32', dims: [1, 3, 48, 160] }]);
    expect(tensors?.outputs).toEqual([{ name: 'softmax_11.tmp_0', type: 'float32', dims: [1, 20, 6625] }]);
    expect(prepared.manifest.task).toMatchObject({ type: 'text-recognition' });
    expect([...stages].some((stage) => stage.startsWith('timing'))).toBe(true);
  });

  it('ships pixels at full offload and no megabyte of logits back', () => {
    const pixels = prepared.manifest.variants.find(({ kind }) => kind === 'pixels');
    const offload = pixels && tableOf(pixels).cuts[0];
    expect(offload).toMatchObject({ id: 0, headNodes: 0, headGraph: null, bytesUp: 48 * 160 * 3 });
    expect(offload?.bytesDown).toBe(2 * 20 * 4);
  });

  it('lists cuts from offload to local, plenty of them in the middle, each with a time', () => {
    for (const variant of prepared.manifest.variants) {
      const { cuts, nodes, tensors } = tableOf(variant);
      expect(cuts.length).toBeGreaterThan(40);
      expect(cuts[0]).toMatchObject({ id: 0, headMs: 0, headPacks: [] });
      expect(cuts.at(-1)).toMatchObject({ id: nodes.length, tailGraph: null, tailMs: 0, bytesUp: 0, crossing: [] });
      expect(cuts.at(-1)?.headPacks.length).toBe(prepared.manifest.packs.length);
      expect(cuts.filter(({ timed }) => timed).length).toBeGreaterThanOrEqual(3);
      for (const cut of cuts) {
        expect(cut.crossing.every((index) => index < tensors.length)).toBe(true);
        if (cut.headNodes > 0 && cut.headFlops > 0) expect(cut.headMs).toBeGreaterThan(0);
      }
    }
  });

  it('gives the output of the unsplit model from the files on disk, wherever it is cut', async () => {
    for (const variant of prepared.manifest.variants) {
      const { cuts } = tableOf(variant);
      const feeds = feedsOf(variant);
      const whole = await runGraph(cuts[0]?.tailGraph ?? '', feeds);
      expect(Object.keys(whole).sort()).toEqual(variant.outputs.map(({ name }) => name).sort());
      for (let position = 1; position < cuts.length; position += 9) {
        const cut = cuts[position];
        if (cut?.headGraph == null || cut.tailGraph === null) continue;
        const head = await runGraph(cut.headGraph, feeds);
        const split = { ...head, ...(await runGraph(cut.tailGraph, { ...feeds, ...head })) };
        for (const { name, type } of variant.outputs) {
          if (type !== 'float32') {
            expect(split[name]?.bytes, `cut ${cut.id}`).toEqual(whole[name]?.bytes);
            continue;
          }
          const [expected, actual] = [floats(whole[name]?.bytes), floats(split[name]?.bytes)];
          let [worst, low, high] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
          for (const [i, value] of expected.entries()) {
            worst = Math.max(worst, Math.abs(value - (actual[i] ?? Number.NaN)));
            [low, high] = [Math.min(low, value), Math.max(high, value)];
          }
          expect(worst / (high - low), `cut ${cut.id}, ${name}`).toBeLessThan(1e-4);
        }
      }
    }
  });

  it('is found again without doing anything twice', async () => {
    const seen: string[] = [];
    const table = join(prepared.objectsDir, prepared.manifest.variants[0]?.table ?? '');
    await utimes(table, 1, 1);
    const again = await prepareModel({ ...request, onProgress: ({ stage }) => seen.push(stage) });
    expect(seen).toEqual([]);
    expect((await stat(table)).mtimeMs, 'said to be in use').toBeGreaterThan(Date.now() - 60_000);
    expect(again.manifest).toEqual(prepared.manifest);
    expect(WEIGHTS).toContain(prepared.weights);
    expect(again.weights).toBe(prepared.weights);
    expect([...again.tables.keys()]).toEqual([...prepared.tables.keys()]);
  });

  it('is made again when anything of it is damaged or gone', async () => {
    const table = tableOf(prepared.manifest.variants[0] ?? raise());
    const pack = join(prepared.objectsDir, prepared.manifest.packs[0]?.sha256 ?? '');
    const graph = join(prepared.objectsDir, table.cuts[0]?.tailGraph ?? '');
    const packBytes = await readFile(pack);
    const damaged = Buffer.from(packBytes);
    damaged.writeUInt8((damaged.readUInt8(100) ^ 1) & 0xff, 100);
    await writeFile(pack, damaged);
    await truncate(graph, 10);
    const seen: string[] = [];
    const repaired = await prepareModel({ ...request, onProgress: ({ stage }) => seen.push(stage) });
    expect(seen.length).toBeGreaterThan(0);
    expect(packBytes.equals(await readFile(pack))).toBe(true);
    expect((await stat(graph)).size).toBeGreaterThan(10);
    expect(repaired.manifest.packs).toEqual(prepared.manifest.packs);
    prepared = repaired;
  });
});

function raise(): never {
  throw new Error('the model has no variant');
}

describe('preparing', () => {
  const config: ModelConfig = { description: 'd', source: { file: 'a.onnx' }, dims: [] };
  const other = (extra: Partial<PrepareRequest>): PrepareRequest => ({
    name: 'other',
    version: '1',
    modelFile: request.modelFile,
    config,
    labels: [],
    storeDir,
    ...extra,
  });

  it('says which input still needs dimensions', async () => {
    await expect(prepareModel(other({}))).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('x['),
    });
  });

  it('refuses what is not ONNX, and what ends early', async () => {
    const text = join(storeDir, 'text.onnx');
    await writeFile(text, 'this is no model');
    await expect(prepareModel(other({ modelFile: text }))).rejects.toMatchObject({ code: 'not_a_model' });
    const empty = join(storeDir, 'empty.onnx');
    await writeFile(empty, '');
    await expect(prepareModel(other({ modelFile: empty }))).rejects.toMatchObject({ code: 'not_a_model' });
    const half = join(storeDir, 'half.onnx');
    await writeFile(half, (await readFile(request.modelFile)).subarray(0, 5_000_000));
    await expect(prepareModel(other({ modelFile: half }))).rejects.toMatchObject({ code: 'not_a_model' });
  });

  it('refuses a list of labels of another length', async () => {
    await expect(prepareModel({ ...request, labels: request.labels.slice(1) })).rejects.toMatchObject({
      code: 'labels_mismatch',
      message: expect.stringMatching(/6625 classes.*6624 labels/),
    });
  });

  it('stops when asked to', async () => {
    const stop = new AbortController();
    const run = prepareModel({ ...request, version: '2', signal: stop.signal, onProgress: () => stop.abort() });
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
  });

  it.runIf(process.platform === 'linux')('gives way to what answers, and leaves a Ctrl-C to the edge', async () => {
    const stop = new AbortController();
    let niceness: number | undefined;
    const onProgress = () => {
      if (niceness !== undefined) return stop.abort();
      const pids = childProcesses();
      niceness = Math.max(...pids.map((pid) => getPriority(pid)));
      for (const pid of pids) process.kill(pid, 'SIGINT');
    };
    const run = prepareModel({ ...request, version: 'gives-way', signal: stop.signal, onProgress });
    await expect(run).rejects.toMatchObject({ code: 'aborted' });
    expect(niceness).toBeGreaterThan(0);
  });

  it('stops when asked to just before its process starts', async () => {
    const stop = new AbortController();
    let reads = 0;
    const touchy = {
      ...request,
      version: 'touchy',
      signal: stop.signal,
      // Read for the key of the store first, and again for the job.
      get labels() {
        reads += 1;
        if (reads === 2) stop.abort();
        return request.labels;
      },
    };
    await expect(prepareModel(touchy)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('says so when its process dies', async () => {
    const before = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = '--require /nowhere/to-be-found.cjs';
    try {
      await expect(prepareModel({ ...request, version: '3' })).rejects.toMatchObject({
        code: 'prepare_crashed',
        message: expect.stringContaining('to-be-found.cjs'),
      });
    } finally {
      if (before === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = before;
    }
  });

  it('says when the store cannot be written', async () => {
    const file = join(storeDir, 'a-file');
    await appendFile(file, 'in the way');
    expect(existsSync(file)).toBe(true);
    await expect(prepareModel({ ...request, storeDir: file })).rejects.toMatchObject({ code: 'store_failed' });
  });
});
