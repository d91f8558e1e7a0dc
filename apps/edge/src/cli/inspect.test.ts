import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cut } from '@cutpoint/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelRepository } from '../models/repository.js';
import { prepareModel } from '../prepare/prepare.js';
import type { PreparedModel } from '../prepare/prepared.js';
import { DETECTION, runCommand } from '../testing/run-command.js';
import { FLOAT, tinyOnnx } from '../testing/tiny-onnx.js';
import { run as inspect } from './inspect.js';
import { run as split } from './split.js';

const DIMS = ['--dims', 'x=1,3,32,32'];

describe('inspect of a file', () => {
  test('lists its cuts, and says that there are no times', async () => {
    const { code, out } = await runCommand(inspect, DETECTION, ...DIMS);
    expect(code).toBe(0);
    expect(out[0]).toMatch(/\d+ nodes, \d+ cuts$/);
    expect(out.find((line) => line.startsWith('times'))).toMatch(/none: a file is not timed/);
    expect(out.find((line) => line.includes('(offload)'))).toMatch(/^ +0 .* 12\.3 KB .* x$/);
    expect(out.at(-1)).toContain('(local)');
  });

  test('gives them as JSON', async () => {
    const { json } = await runCommand(inspect, DETECTION, ...DIMS, '--json');
    expect(json()).toMatchObject({ variant: null, variants: [], profile: null });
    expect(json().cuts[0]).toMatchObject({ id: 0, headNodes: 0, crossing: ['x'], bytesUp: 12288, headMs: null });
  });

  test('knows no variants', async () => {
    const { code, err } = await runCommand(inspect, DETECTION, ...DIMS, '--variant', 'tensors');
    expect([code, err]).toEqual([2, expect.stringMatching(/--variant tensors: a file has none.*\(bad_arguments\)/)]);
  });
});

describe('inspect of a benchmark network', () => {
  const store = mkdtempSync(join(tmpdir(), 'cutpoint-inspect-network-'));
  afterAll(() => rmSync(store, { recursive: true }));

  test('lists its cuts, from a file that it builds', async () => {
    const { code, json } = await runCommand(inspect, 'network:squeezenet', '--store', store, '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ model: 'network:squeezenet', variant: null, inputs: [{ dims: [1, 3, 224, 224] }] });
    expect(json().cuts.length).toBeGreaterThan(50);
  });

  test('names those that there are when asked for another', async () => {
    const { code, err } = await runCommand(inspect, 'network:resnet19', '--store', store);
    expect([code, err]).toEqual([2, expect.stringMatching(/alexnet, squeezenet, .*xception \(bad_arguments\)/)]);
  });
});

describe('inspect of a model of the repository', () => {
  const root = mkdtempSync(join(tmpdir(), 'cutpoint-inspect-test-'));
  const folders = ['--models', join(root, 'models'), '--store', join(root, 'store')];
  let unprepared: Awaited<ReturnType<typeof runCommand>>;
  let prepared: PreparedModel;

  beforeAll(async () => {
    const value = (name: string) => ({ name, type: FLOAT, dims: [1, 3, 8, 6] });
    const bytes = tinyOnnx({
      inputs: [value('x')],
      outputs: [value('y')],
      nodes: [
        { op: 'Sin', in: ['x'], out: 'a' },
        { op: 'Cos', in: ['a'], out: 'b' },
        { op: 'Add', in: ['a', 'b'], out: 'y' },
      ],
    });
    mkdirSync(join(root, 'models/mine'), { recursive: true });
    writeFileSync(join(root, 'mine.onnx'), bytes);
    const pixels = { input: 'x', channels: 'rgb', mean: [1, 2, 3], std: [1, 1, 2], sizes: [[8, 6]], fit: 'contain' };
    const config = { description: 'mine', source: { file: '../../mine.onnx' }, pixels };
    writeFileSync(join(root, 'models/mine/config.json'), JSON.stringify(config));
    unprepared = await runCommand(inspect, 'mine', ...folders);
    const repository = new ModelRepository({
      dir: join(root, 'models'),
      storeDir: join(root, 'store'),
      prepare: prepareModel,
    });
    prepared = await repository.prepare('mine');
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('says that it has no times before the model is prepared', () => {
    expect(unprepared.code).toBe(0);
    expect(unprepared.out.find((line) => line.startsWith('times'))).toMatch(/none: not prepared/);
    expect(unprepared.out.join('\n')).not.toContain('head ms');
  });

  test.each(['pixels:8x6', 'tensors'])('numbers and times the cuts of %s as they are served', async (id) => {
    const result = (await runCommand(inspect, 'mine', ...folders, '--variant', id, '--json')).json();
    const variant = prepared.manifest.variants.find((candidate) => candidate.id === id);
    const table = prepared.tables.get(variant?.table ?? '');
    const relevant = ({ id, headNodes, bytesUp, headMs, tailMs, timed, fidelity }: Cut) => [
      id,
      headNodes,
      bytesUp,
      headMs,
      tailMs,
      timed,
      fidelity ?? null,
    ];
    expect(result.variant).toBe(id);
    expect(result.cuts.length).toBeGreaterThan(3);
    // So small a network is listed whole.
    expect(result.cuts.map(relevant)).toEqual(table?.cuts.map(relevant));
    expect(result.profile).toEqual(table?.profile);
    expect(result.calibration).toEqual({ metric: 'relative-error', inputs: 'pictures' });
    expect(result.calibration).toEqual(table?.calibration);
    expect(result.cuts[0].fidelity.map(({ codec }: { codec: string }) => codec)).toEqual(
      id === 'tensors' ? ['f16', 'u8'] : ['jpeg', 'webp'],
    );
  });

  test('shows the first variant of the manifest, names it and the others, and marks times', async () => {
    const { out } = await runCommand(inspect, 'mine', ...folders);
    expect(prepared.manifest.variants[0]?.id).toBe('pixels:8x6');
    expect(out[1]).toBe('variant  pixels:8x6; also served: tensors (--variant)');
    expect(out[2]).toMatch(/uint8\[8, 6, 3\]$/);
    expect(out.find((line) => line.startsWith('times'))).toMatch(/onnxruntime-node.*~ interpolated/);
    expect(out.find((line) => line.startsWith('cut'))).toMatch(
      /head ms {2}tail ms {2}f16 loses {2}u8 loses {2}jpeg loses {2}webp loses {2}crossing$/,
    );
    expect(out.find((line) => line.startsWith('losses'))).toMatch(
      /error of the outputs.* \d+ views of pictures; ~ not/,
    );
    // Pixels have no numbers to narrow, and what is no picture no picture codec.
    expect(out.find((line) => line.includes('(offload)'))).toMatch(
      / 0\.00 +\d+\.\d\d +- +- +\d+\.\d\d % +\d+\.\d\d % {2}image$/,
    );
    expect(out.find((line) => line.includes('Sin'))).toMatch(/ ~?\d+\.\d\d % +~?\d+\.\d\d % +- +- {2}\w+$/);
  });

  test('lists the variants when one is asked for that is not served', async () => {
    const { code, err } = await runCommand(inspect, 'mine', ...folders, '--variant', 'pixels:9x9');
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/--variant pixels:9x9: mine is served as pixels:8x6, tensors/),
    ]);
    const both = await runCommand(inspect, 'mine', ...folders, '--variant', 'tensors', '--dims', 'x=1,3,8,6');
    expect(both.err).toMatch(/--variant or --dims.*\(bad_arguments\)/);
  });

  test('is not mistaken for the folder of its name in models/', async () => {
    const start = process.cwd();
    process.chdir(join(root, 'models'));
    try {
      expect((await runCommand(inspect, 'mine', ...folders)).out[0]).toMatch(/^mine: \d+ nodes/);
    } finally {
      process.chdir(start);
    }
  });

  test('split cuts the same variant at the same place', async () => {
    const out = join(root, 'parts');
    const { cuts } = (await runCommand(inspect, 'mine', ...folders, '--json')).json();
    const middle = cuts[cuts.length - 2];
    const result = await runCommand(split, 'mine', ...folders, '--cut', String(middle.id), '--out', out, '--json');
    expect(result.code).toBe(0);
    expect(result.out.at(-1)).toContain(`cut ${middle.id} of pixels:8x6: ${middle.crossing.join(', ')} crosses`);
  });
});
