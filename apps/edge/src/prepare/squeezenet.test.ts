import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeTensors } from '@cutpoint/onnx';
import jpeg from 'jpeg-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../models/read-config.js';
import { ModelRepository } from '../models/repository.js';
import { createNodeRuntime } from '../ort/runtime.js';
import { prepareModel } from './prepare.js';
import type { PreparedModel } from './prepared.js';

const PROJECT = new URL('../../../..', import.meta.url).pathname;
const DATA = join(PROJECT, '../shared/data');
const MODELS = { squeezenet: 'squeezenet1_fp16.onnx', 'squeezenet-f32': 'squeezenet1.onnx' };
const PICTURES = ['cat.jpg', 'dog.jpg', 'goldfish.jpg'];
const SIZE = 224;

const missing = !existsSync(join(DATA, 'models'));
if (missing) console.warn(`SKIPPED: the SqueezeNet tests need ${DATA}`);

const prepared = new Map<string, PreparedModel>();

describe.skipIf(missing)('SqueezeNet through the pixel variant', () => {
  let root = '';

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'cutpoint-squeezenet-'));
    const shipped = await readConfig(join(PROJECT, 'models/squeezenet/config.json'));
    for (const [name, file] of Object.entries(MODELS)) {
      // The config that is shipped, but from the files that lie here; the pins of fp16 model and labels must hold.
      const pin = 'https' in shipped.source && name === 'squeezenet' ? { sha256: shipped.source.sha256 } : {};
      const labels = shipped.labels && 'https' in shipped.labels.source ? shipped.labels.source.sha256 : '';
      const config = {
        ...shipped,
        source: { file: join(DATA, 'models', file), ...pin },
        labels: {
          ...shipped.labels,
          source: { file: join(DATA, 'models/imagenet_synset.txt'), sha256: labels },
        },
      };
      await mkdir(join(root, 'models', name, 'calibration'), { recursive: true });
      for (const picture of PICTURES) {
        await copyFile(join(DATA, 'images', picture), join(root, 'models', name, 'calibration', picture));
      }
      await writeFile(join(root, 'models', name, 'config.json'), JSON.stringify(config));
    }
    const repository = new ModelRepository({
      dir: join(root, 'models'),
      storeDir: join(root, 'store'),
      prepare: prepareModel,
    });
    await repository.scan();
    await repository.prepareAll();
    for (const { name, prepared: model, reason } of repository.list()) {
      if (model === undefined) throw new Error(`${name}: ${reason}`);
      prepared.set(name, model);
    }
  }, 120_000);

  afterAll(async () => {
    await rm(root, { recursive: true });
  });

  const cases = Object.keys(MODELS).flatMap((name) => [
    [name, 'dog.jpg', 'golden retriever', 0.9],
    [name, 'cat.jpg', 'Egyptian cat', 0.5],
    [name, 'goldfish.jpg', 'goldfish, Carassius auratus', 0.9],
  ]) as [string, string, string, number][];

  it.each(cases)('%s names %s: %s', async (name, picture, label, atLeast) => {
    const model = prepared.get(name);
    const variant = model?.manifest.variants.find(({ kind }) => kind === 'pixels');
    const cuts = model?.tables.get(variant?.table ?? '')?.cuts ?? [];
    if (model === undefined || variant?.image === undefined) throw new Error('there is no pixel variant');
    const { task } = model.manifest;
    if (task.type !== 'classification') throw new Error(`the task is ${task.type}`);
    const pixels = { type: 'uint8', dims: [SIZE, SIZE, 3], bytes: await coverPixels(picture) } as const;
    const feeds: RuntimeTensors = { [variant.image.input]: pixels };
    const middle = cuts[cuts.length >> 1];
    for (const graphs of [[cuts[0]?.tailGraph], [middle?.headGraph, middle?.tailGraph], [cuts.at(-1)?.headGraph]]) {
      let available = feeds;
      for (const graph of graphs) available = { ...available, ...(await runGraph(model, graph ?? '', available)) };
      const indices = new Int32Array((available[task.indices]?.bytes ?? new Uint8Array()).slice().buffer);
      const values = new Float32Array((available[task.values]?.bytes ?? new Uint8Array()).slice().buffer);
      expect([indices.length, values.length]).toEqual([5, 5]);
      expect(task.labels[indices[0] ?? -1]).toBe(label);
      expect(values[0]).toBeGreaterThan(atLeast);
    }
  });

  it.each(Object.keys(MODELS))(
    '%s names several pictures at once as it names each, and has such a graph for every tail',
    async (name) => {
      const model = prepared.get(name) ?? expect.fail('not prepared');
      const tails = [...model.tables.values()].flatMap(({ cuts }) => cuts.flatMap(({ tailGraph }) => tailGraph ?? []));
      expect(tails.filter((graph) => !model.batchGraphs.has(graph))).toEqual([]);
      const variant = model.manifest.variants.find(({ kind }) => kind === 'pixels');
      const tail = model.tables.get(variant?.table ?? '')?.cuts[0]?.tailGraph ?? '';
      const { task } = model.manifest;
      if (variant?.image === undefined || task.type !== 'classification') throw new Error('there is no pixel variant');
      const pictures = await Promise.all(PICTURES.map(coverPixels));
      const { input } = variant.image;
      const pixels = {
        type: 'uint8',
        dims: [3, SIZE, SIZE, 3],
        bytes: new Uint8Array(Buffer.concat(pictures)),
      } as const;
      const together = await runGraph(model, model.batchGraphs.get(tail) ?? '', { [input]: pixels });
      for (const [index, bytes] of pictures.entries()) {
        const one = { type: 'uint8', dims: [SIZE, SIZE, 3], bytes } as const;
        const alone = await runGraph(model, tail, { [input]: one });
        const all = together[task.indices] ?? expect.fail('no answers');
        const part = all.bytes.subarray(index * 5 * 4, (index + 1) * 5 * 4);
        expect([all.dims, new Uint8Array(part)]).toEqual([[3, 5], new Uint8Array(alone[task.indices]?.bytes ?? [])]);
      }
    },
  );
});

describe.skipIf(missing)('what codecs cost SqueezeNet', () => {
  it.each(Object.keys(MODELS))('%s keeps its answers where 8 bits cross at its narrow cuts', async (name) => {
    const model = prepared.get(name);
    const variant = model?.manifest.variants.find(({ kind }) => kind === 'tensors');
    const table = model?.tables.get(variant?.table ?? '');
    expect(table?.calibration).toEqual({ metric: 'top-1', inputs: 'pictures' });
    const tried = table?.cuts.filter(({ fidelity }) => fidelity?.some(({ inputs }) => inputs > 0)) ?? [];
    // The narrowest is tried whatever the time; it is the last one that there is, the scores themselves.
    const [narrowest] = tried.sort((a, b) => a.bytesUp - b.bytesUp);
    const u8 = narrowest?.fidelity?.find(({ codec }) => codec === 'u8');
    expect(u8?.inputs).toBeGreaterThanOrEqual(2);
    // Of a few inputs one may well change.
    expect(u8?.drop).toBeLessThanOrEqual(0.5);
    for (const { fidelity, tailGraph } of table?.cuts ?? []) {
      expect(fidelity !== undefined, 'every cut that sends something says what that costs').toBe(tailGraph !== null);
    }
  });
});

async function runGraph(model: PreparedModel, sha256: string, available: RuntimeTensors): Promise<RuntimeTensors> {
  const runtime = createNodeRuntime({ dir: model.objectsDir, threads: 1 });
  const session = await runtime.open(await readFile(join(model.objectsDir, sha256)));
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

/** The centre square, each pixel the mean of those it covers, as RGB. */
async function coverPixels(picture: string): Promise<Uint8Array> {
  const { width, height, data } = jpeg.decode(await readFile(join(DATA, 'images', picture)), { useTArray: true });
  const side = Math.min(width, height);
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  const rgb = new Uint8Array(SIZE * SIZE * 3);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const [x0, x1] = range(left, side, x);
      const [y0, y1] = range(top, side, y);
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let sy = y0; sy < y1; sy++) {
          for (let sx = x0; sx < x1; sx++) sum += data[(sy * width + sx) * 4 + channel] ?? 0;
        }
        rgb[(y * SIZE + x) * 3 + channel] = Math.round(sum / ((x1 - x0) * (y1 - y0)));
      }
    }
  }
  return rgb;
}

/** Source pixels that one target pixel covers; at least one. */
function range(start: number, side: number, target: number): readonly [number, number] {
  const from = Math.floor(start + (target * side) / SIZE);
  return [from, Math.max(from + 1, Math.floor(start + ((target + 1) * side) / SIZE))];
}
