import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, expect, test } from 'vitest';
import { DETECTION, runCommand } from '../testing/run-command.js';
import { FLOAT, tinyOnnx } from '../testing/tiny-onnx.js';
import { run as split } from './split.js';

const dir = mkdtempSync(join(tmpdir(), 'cutpoint-split-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const splitAt = (cut: number, out: string) =>
  runCommand(split, DETECTION, '--dims', 'x=1,3,32,32', '--cut', String(cut), '--out', out);
const packsIn = (folder: string): readonly string[] =>
  readdirSync(folder).filter((name) => /^[0-9a-f]{64}$/.test(name));

test('writes two models that onnxruntime runs from their folder', async () => {
  const out = join(dir, 'parts');
  expect((await splitAt(20, out)).code).toBe(0);
  const cut = JSON.parse(readFileSync(join(out, 'cut.json'), 'utf8'));
  const head = await InferenceSession.create(join(out, 'head.onnx'));
  const tail = await InferenceSession.create(join(out, 'tail.onnx'));
  expect(head.inputNames).toEqual(['x']);
  expect([...head.outputNames].sort()).toEqual([...tail.inputNames].sort());
  expect(cut.crossing.map(({ name }: { name: string }) => name)).toEqual(tail.inputNames);
  expect(packsIn(out)).toEqual([...new Set([...cut.headPacks, ...cut.tailPacks])].sort());
});

test('leaves nothing of an earlier split in the folder, and everything else alone', async () => {
  const out = join(dir, 'again');
  expect((await splitAt(20, out)).code).toBe(0);
  const before = packsIn(out);
  writeFileSync(join(out, 'notes.txt'), 'mine');
  const relu = join(dir, 'relu.onnx');
  const x = { name: 'x', type: FLOAT, dims: [1, 4] };
  const y = { ...x, name: 'y' };
  writeFileSync(relu, tinyOnnx({ inputs: [x], outputs: [y], nodes: [{ op: 'Relu', in: ['x'], out: 'y' }] }));
  expect(before.length).toBeGreaterThan(0);
  expect((await runCommand(split, relu, '--cut', '0', '--out', out)).code).toBe(0);
  expect(readdirSync(out).sort()).toEqual(['cut.json', 'notes.txt', 'tail.onnx']);
});

test('makes no folder for a cut that is not there', async () => {
  const out = join(dir, 'beyond');
  const { code, err } = await splitAt(9999, out);
  expect([code, err]).toEqual([2, expect.stringMatching(/--cut 9999: the cuts .* are 0 to \d+.*\(bad_arguments\)/)]);
  expect(existsSync(out)).toBe(false);
});

test.each([
  ['files', { 'letter.txt': 'dear reader' }],
  ['a cut.json of something else', { 'cut.json': '{"headPacks": ["../../letter.txt"]}' }],
])('refuses a folder with %s, and leaves it as it is', async (name, files) => {
  const out = join(dir, name);
  mkdirSync(out);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(out, file), text);
  const { code, err } = await splitAt(20, out);
  expect([code, err]).toEqual([2, expect.stringMatching(/--out .* not of an earlier split.*\(bad_arguments\)/s)]);
  for (const [file, text] of Object.entries(files)) expect(readFileSync(join(out, file), 'utf8')).toBe(text);
  expect(readdirSync(out)).toEqual(Object.keys(files));
});

test('asks for what is missing, and for a folder where there is a file', async () => {
  expect((await runCommand(split, DETECTION, '--out', dir)).err).toMatch(/--cut.*\(bad_arguments\)/);
  expect((await runCommand(split, DETECTION, '--cut', '1')).err).toMatch(/--out.*\(bad_arguments\)/);
  const file = join(dir, 'a-file');
  writeFileSync(file, '');
  expect((await splitAt(1, file)).err).toMatch(/--out .*ENOTDIR.*\(bad_arguments\)/);
});
