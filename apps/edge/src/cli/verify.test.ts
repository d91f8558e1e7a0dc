import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeModel, encodeModel } from '@cutpoint/onnx';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { DETECTION, RECOGNITION, runCommand } from '../testing/run-command.js';
import { sampled, run as verify } from './verify.js';

const dir = mkdtempSync(join(tmpdir(), 'cutpoint-cli-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const DIMS = ['--dims', 'x=1,3,32,32'];

describe('verify', () => {
  test('finds no failed cut in the text detector, and leaves no folder behind', async () => {
    // A place that no other test writes to.
    const temporary = join(dir, 'temporary');
    mkdirSync(temporary);
    vi.stubEnv('TMPDIR', temporary);
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const result = await runCommand(verify, DETECTION, ...DIMS, '--sample', '5', '--json');
    expect(result.err).toBe('');
    expect(result.code).toBe(0);
    const summary = result.json();
    const keys = ['model', 'nodes', 'cuts', 'failed', 'maxAbsErr', 'maxRelErr', 'ms', 'maxRelErrPlain', 'roundedCuts'];
    expect(Object.keys(summary)).toEqual(keys);
    expect(summary).toMatchObject({ model: DETECTION, cuts: 5, failed: 0 });
    expect(summary.maxRelErr).toBeLessThanOrEqual(1e-4);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('takes named cuts, and says how many there are', async () => {
    expect((await runCommand(verify, DETECTION, ...DIMS, '--cuts', '0,7', '--json')).json()).toMatchObject({ cuts: 2 });
    const beyond = await runCommand(verify, DETECTION, ...DIMS, '--cuts', '9999');
    expect([beyond.code, beyond.err]).toEqual([2, expect.stringMatching(/0 to \d+.*\(bad_arguments\)/)]);
  });

  test('fails when a cut gives something else', async () => {
    const model = decodeModel(readFileSync(DETECTION));
    // What is random differs from run to run, so no cut can equal the unsplit model. An early one might saturate.
    const relu = model.graph?.node.findLast(({ opType }) => opType === 'Relu');
    if (!relu) throw new Error('no Relu');
    relu.opType = 'RandomNormalLike';
    const file = join(dir, 'random.onnx');
    writeFileSync(file, encodeModel(model));
    const result = await runCommand(verify, file, ...DIMS, '--cuts', '3', '--json');
    expect(result.code).toBe(1);
    expect(result.json()).toMatchObject({ cuts: 1, failed: 1 });
    expect(result.err).toMatch(/cut 3 fails: output ".*" is off by/);
  });

  test.each([
    ['an empty file', new Uint8Array(), 'not_onnx'],
    ['a text', new TextEncoder().encode('hello, this is not a network'), 'not_onnx'],
    ['a file cut short', readFileSync(DETECTION).subarray(0, 2_000_000), 'truncated'],
  ])('refuses %s with exit code 2', async (name, bytes, code) => {
    const file = join(dir, `${name.replaceAll(' ', '-')}.onnx`);
    writeFileSync(file, bytes);
    const result = await runCommand(verify, file, '--json');
    expect([result.code, result.json().error.code]).toEqual([2, code]);
    expect(result.err).toContain(code);
  });

  test('refuses a file that is not there, dimensions that are missing or wrong, and unknown options', async () => {
    expect((await runCommand(verify, join(dir, 'nothing.onnx'))).err).toMatch(/ENOENT.*\(not_onnx\)/);
    expect((await runCommand(verify, DETECTION)).err).toMatch(/x\[.*--dims.*\(dynamic_dims\)/s);
    expect((await runCommand(verify, DETECTION, '--dims', 'x=1,4,32,32')).err).toMatch(/dims_mismatch/);
    expect((await runCommand(verify, DETECTION, '--dims', 'z=1')).err).toMatch(/x.*\(unknown_name\)/s);
    expect((await runCommand(verify, DETECTION, '--cut', '1')).err).toMatch(/bad_arguments/);
    expect((await runCommand(verify)).err).toMatch(/bad_arguments/);
  });

  test.each([
    ['detector', DETECTION, 'x=1,3,160,160'],
    ['recogniser', RECOGNITION, 'x=1,3,48,320'],
  ])('finds no failed cut in the text %s at its real size', async (_, file, dims) => {
    const result = await runCommand(verify, file, '--dims', dims, '--sample', '8', '--json');
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
    const summary = (await runCommand(verify, join(shared, 'squeezenet1.onnx'), '--json')).json();
    expect(summary).toMatchObject({ nodes: 65, cuts: 66, failed: 0, roundedCuts: 0 });
    expect(summary.maxRelErrPlain).toBeLessThanOrEqual(1e-4);
  });

  test('finds none in fp16, and hides neither the cut that it judges with rounding nor its plain error', async () => {
    const result = await runCommand(verify, join(shared, 'squeezenet1_fp16.onnx'), '--json');
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
