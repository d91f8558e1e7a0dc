import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@cutpoint/onnx';
import type { CutTable, Fidelity } from '@cutpoint/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { ModelRepository } from '../../models/repository.js';
import { outlierOnnx } from '../../testing/outlier-onnx.js';
import { prepareModel } from '../prepare.js';
import { encodePicture } from './picture-encoder.js';

const root = mkdtempSync(join(tmpdir(), 'cutpoint-fidelity-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const repository = new ModelRepository({
  dir: join(root, 'models'),
  storeDir: join(root, 'store'),
  prepare: prepareModel,
});

interface Tiny {
  readonly hasOutlier: boolean;
  readonly dims?: readonly number[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly picture?: Uint8Array;
}

/** Prepares a network in a process of its own, as the edge does. @returns its tables by variant */
async function prepare(name: string, { hasOutlier, dims = [1, 64], config = {}, picture }: Tiny) {
  const folder = join(root, 'models', name);
  mkdirSync(join(folder, 'calibration'), { recursive: true });
  for (const [file, bytes] of Object.entries(outlierOnnx({ dims, hasOutlier })))
    writeFileSync(join(folder, file), bytes);
  const whole = { description: name, source: { file: 'model.onnx' }, ...config };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(whole));
  if (picture) writeFileSync(join(folder, 'calibration', 'one.jpg'), picture);
  const { manifest, tables } = await repository.prepare(name);
  return (variant: string): CutTable => {
    const table = tables.get(manifest.variants.find(({ id }) => id === variant)?.table ?? '');
    if (table === undefined) throw new Error(`no variant ${variant}`);
    return table;
  };
}

/** What the table says of a codec where `tensor` crosses. */
function fidelityAt({ cuts, tensors }: CutTable, tensor: string, codec: string): Fidelity {
  const cut = cuts.find(({ crossing }) => crossing.length === 1 && tensors[crossing[0] ?? -1]?.name === tensor);
  const found = cut?.fidelity?.find((entry) => entry.codec === codec);
  if (found === undefined) throw new Error(`${codec} of ${tensor} is not in ${JSON.stringify(cut)}`);
  return found;
}

describe('the relative error of a network that gives numbers', () => {
  test('is large where 8 bits leave nothing of what matters, and small where they do', async () => {
    const broken = (await prepare('outlier', { hasOutlier: true }))('tensors');
    expect(broken.calibration).toEqual({ metric: 'relative-error', inputs: 'noise' });
    const [scaled, bounded] = [fidelityAt(broken, 'scaled', 'u8'), fidelityAt(broken, 'bounded', 'u8')];
    expect(scaled.inputs).toBeGreaterThan(0);
    expect(scaled.drop).toBeGreaterThan(0.3);
    expect(scaled.worst).toBeGreaterThanOrEqual(scaled.drop);
    // The same network one node later, and before: the outlier is bounded, or not made yet.
    expect(bounded.drop).toBeLessThan(0.005);
    expect(fidelityAt(broken, 'x', 'u8').drop).toBeLessThan(0.005);
    expect(fidelityAt(broken, 'scaled', 'f16').drop).toBeLessThan(0.001);
  });

  test('is small at the same cut of the same network without the outlier', async () => {
    const fine = (await prepare('fine', { hasOutlier: false }))('tensors');
    const u8 = fidelityAt(fine, 'scaled', 'u8');
    expect(u8.drop).toBeGreaterThan(0);
    expect(u8.drop).toBeLessThan(0.005);
  });
});

describe('the answers of a classifier', () => {
  const DIMS = [1, 3, 16, 16];
  const config = {
    pixels: { input: 'x', channels: 'rgb', mean: [0, 0, 0], std: [255, 255, 255], sizes: [[16, 16]], fit: 'cover' },
    post: { type: 'top-k', output: 'y', k: 3, softmax: false },
  };

  test('change where 8 bits break the network, and do not in half precision, in either variant', async () => {
    const tables = await prepare('classes', { hasOutlier: true, dims: DIMS, config, picture: await madeUpPicture() });
    for (const variant of ['pixels:16x16', 'tensors']) {
      const table = tables(variant);
      expect(table.calibration, variant).toEqual({ metric: 'top-1', inputs: 'pictures' });
      expect(fidelityAt(table, 'scaled', 'u8').drop, variant).toBeGreaterThan(0.8);
      expect(fidelityAt(table, 'scaled', 'f16').drop, variant).toBeLessThan(0.5);
      expect(fidelityAt(table, 'scaled', 'f16').inputs, variant).toBeGreaterThan(1);
    }
  });

  test('are tried on the picture as JPEG and WebP where it is sent, and on nothing else there', async () => {
    const tables = await prepare('pictures', { hasOutlier: false, dims: DIMS, config, picture: await madeUpPicture() });
    const offload = tables('pixels:16x16').cuts[0];
    expect(offload?.fidelity?.map(({ codec }) => codec)).toEqual(['jpeg', 'webp']);
    expect(offload?.fidelity?.every(({ inputs }) => inputs > 1)).toBe(true);
    expect(tables('pixels:16x16').cuts.at(-1)?.fidelity, 'nothing crosses').toBeUndefined();
  });

  test('fail to be tried on a picture that is none, and the reason names it', async () => {
    const picture = Uint8Array.of(1, 2, 3);
    await expect(prepare('no-picture', { hasOutlier: false, dims: DIMS, config, picture })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('one.jpg'),
    });
  });

  test('are tried anew when the pictures change', async () => {
    const key = async () =>
      (await prepare('changing', { hasOutlier: false, dims: DIMS, config }))('tensors').calibration;
    // Without pictures of its own: those of the project.
    expect(await key()).toEqual({ metric: 'top-1', inputs: 'pictures' });
    const before = await repository.locate('changing');
    writeFileSync(join(root, 'models/changing/calibration/two.jpg'), await madeUpPicture());
    const after = await repository.locate('changing');
    expect([before.calibration.length, after.calibration.length]).toEqual([0, 1]);
    const stages: string[] = [];
    await prepareModel({ ...after, storeDir: join(root, 'store'), onProgress: ({ stage }) => stages.push(stage) });
    expect(stages.length, 'it is not taken from the store').toBeGreaterThan(0);
  });
});

test('a network with random weights is not tried: its answers mean nothing, and the defaults stand', async () => {
  const folder = join(root, 'models', 'untrained');
  mkdirSync(folder, { recursive: true });
  const config = { description: 'untrained', source: { network: 'squeezenet' } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const { tables } = await repository.prepare('untrained');
  for (const { cuts, calibration } of tables.values()) {
    expect(calibration).toBeUndefined();
    expect(cuts.every(({ fidelity }) => fidelity === undefined)).toBe(true);
  }
  expect(tables.size).toBe(1);
}, 60_000);

async function madeUpPicture(): Promise<Uint8Array> {
  const side = 48;
  const random = seededRandom(5);
  const rgb = Uint8Array.from({ length: side * side * 3 }, (_, i) => 60 + ((i * 7) % 120) + 60 * random());
  return await encodePicture('jpeg', { rgb, width: side, height: side });
}
