import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SUBPROTOCOL } from '@cutpoint/protocol';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startCli, until } from '../testing/cli-process.js';
import { servedModel, untilLoad } from '../testing/served-model.js';
import { floats, TestClient } from '../testing/test-client.js';
import { slowOnnx } from '../testing/tiny-models.js';

/** What can only be seen from outside of an edge. */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-faults-'));
const home = join(folder, 'home');
const BIN = fileURLToPath(new URL('../../bin/cutpoint.js', import.meta.url));

beforeAll(() => {
  mkdirSync(home);
  mkdirSync(join(folder, 'models/slow'), { recursive: true });
  writeFileSync(join(folder, 'models/slow/slow.onnx'), slowOnnx(1_500));
  const config = { description: 'takes its time', source: { file: 'slow.onnx' } };
  writeFileSync(join(folder, 'models/slow/config.json'), JSON.stringify(config));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Processes that this one started, by the kernel's word. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8')) ?? [];
      return Number(parent) === pid ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

it.skipIf(process.platform !== 'linux')(
  'a crash in native code, which takes all its threads down, leaves nobody waiting and nothing behind',
  async () => {
    const serve = () => startCli(['serve', '--port', '0', '--workers', '1'], { cwd: folder, home });
    const edge = serve();
    const url = await until(edge, /Ready: open (http:\S+)/);
    const pid = edge.child.pid ?? 0;
    const helpers = childrenOf(pid);
    expect(helpers.length).toBeGreaterThan(0);
    const model = await servedModel(url, 'slow');
    const client = await TestClient.open(url);
    client.infer(1, model, 0, [floats('x', [1], [0])]);
    client.infer(2, model, 0, [floats('x', [1], [0])]);
    await untilLoad(url, ({ inFlight, queueDepth }) => inFlight === 1 && queueDepth === 1);
    // As the system ends it when onnxruntime reads where nothing is.
    edge.child.kill('SIGSEGV');
    expect((await client.end()).closeCode, 'its socket ends at once, without a goodbye').toBe(1006);
    expect(await edge.ended).toBe('SIGSEGV');
    await vi.waitFor(() => expect(helpers.filter(isAlive)).toEqual([]), 10_000);

    // Whoever starts it again, as a supervisor does, has it as it was.
    const again = serve();
    const urlAgain = await until(again, /Ready: open (http:\S+)/);
    const other = await TestClient.open(urlAgain);
    other.infer(1, model, 0, [floats('x', [1], [0])]);
    await other.result(1);
    other.close();
    again.child.kill('SIGTERM');
    expect(await again.ended).toBe(0);
  },
);

/** Has the edge write a line of some kB to its log. */
async function breakConnection(url: string): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, SUBPROTOCOL);
  socket.on('error', () => undefined);
  const [request] = await once(socket, 'upgrade');
  // No WebSocket frame.
  request.socket.write(Buffer.alloc(64, 0xff));
  await once(socket, 'close');
}

it('an edge whose log nobody reads serves on, and ends when it is told to', async () => {
  const args = ['serve', '--port', '0', '--workers', '1', '--log-level', 'info'];
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: home },
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += String(chunk);
  });
  const ended = once(child, 'exit');
  const url = await vi.waitFor(() => /Ready: open (http:\S+)/.exec(said)?.[1] ?? expect.fail(said), 60_000);
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 40 }, () => breakConnection(url)));
  }
  const model = await servedModel(url, 'slow');
  const client = await TestClient.open(url);
  client.infer(1, model, 0, [floats('x', [1], [0])]);
  await client.result(1);
  client.close();
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  // All that the sockets between them hold, which is not all that was said.
  let unread = 0;
  for await (const chunk of child.stderr) unread += String(chunk).length;
  expect(unread).toBeGreaterThan(60_000);
});
