import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../server/start.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { tinyModel } from '../testing/tiny-models.js';
import { binaryInput, TritonClient } from '../testing/triton-client.js';

/** docs/kserve.md: what it tells to run does what it says. */

const TOKEN = 'the-right-token-of-this-edge';
const folder = mkdtempSync(join(tmpdir(), 'cutpoint-kserve-docs-'));
let server: RunningServer;

interface Block {
  readonly language: string;
  readonly text: string;
}

const page = readFileSync(new URL('../../../../docs/kserve.md', import.meta.url), 'utf8');
const blocks: readonly Block[] = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
  language,
  text,
}));
/** Each command with the block that shows what it says. */
const commands = blocks.flatMap((block, index) => {
  const shown = blocks[index + 1];
  return block.language === 'sh' && shown !== undefined ? [{ command: block.text, shown }] : [];
});

beforeAll(async () => {
  const catalog = new MemoryCatalog(tinyModel(folder));
  server = await startServer({ catalog, port: 0, workers: 1, canary: false, logLevel: 'silent', tokens: [TOKEN] });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

it('has the samples that are looked for here', () => {
  expect(commands).toHaveLength(4);
  expect(blocks.map(({ language }) => language).slice(-3)).toEqual(['python', 'json', 'json']);
});

it.each(commands)('shows what this says: $command', async ({ command, shown }) => {
  const env = { ...process.env, EDGE: server.url, TOKEN, LC_ALL: 'C' };
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', command], { env, cwd: folder });
  if (shown.language === 'json') expect(JSON.parse(stdout)).toEqual(JSON.parse(shown.text));
  else expect(stdout.trim().split(/\s+/)).toEqual(shown.text.trim().split(/\s+/));
});

it('shows what a client like `tritonclient.http` sends and gets', async () => {
  const [sent, answered] = blocks.slice(-2).map(({ text }) => JSON.parse(text));
  const inputs = [
    binaryInput('mask', 'UINT8', [3], new Uint8Array([1, 0, 2])),
    binaryInput('x', 'FP32', [1, 4], new Float32Array([-1, 0.5, 2, 3])),
  ];
  const client = await TritonClient.open(server.url);
  const answer = await client.infer('tiny', inputs, { headers: { Authorization: `Bearer ${TOKEN}` } });
  client.close();
  expect(client.sent.toString('latin1')).not.toMatch(/content-type/i);
  const body = client.sent.subarray(client.sent.indexOf('\r\n\r\n') + 4);
  expect(body.subarray(0, -19).toString()).toBe(JSON.stringify(sent));
  expect(answer).toMatchObject({ status: 200, json: answered });
  expect([...answer.buffers].map(([name, { byteLength }]) => [name, byteLength])).toEqual([
    ['y', 16],
    ['z', 32],
  ]);
});
