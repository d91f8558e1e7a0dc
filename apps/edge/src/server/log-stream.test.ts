import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, it, vi } from 'vitest';
import { LogStream } from './log-stream.js';

/** Reads nothing until it is told to, and then says how many lines it read, and the one that tells of others. */
const READER = `
  process.once('SIGUSR2', () => {
    let text = '';
    process.stdin.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('end', () => {
      const lines = text.trim().split('\\n');
      console.log(JSON.stringify({ lines: lines.length, told: lines.find((line) => line.includes('are lost')) }));
      process.exit();
    });
  });
  setInterval(() => undefined, 1_000);
  console.log('waits');
`;

let reader: ReturnType<typeof start> | undefined;
const start = () => spawn(process.execPath, ['-e', READER], { stdio: ['pipe', 'pipe', 'inherit'] });
afterEach(() => void reader?.kill('SIGKILL'));

it('waits for nobody who does not read it, holds little meanwhile, and says what was lost', async () => {
  reader = start();
  const log = new LogStream(reader.stdin);
  await once(reader.stdout, 'data');
  const line = `${JSON.stringify({ msg: 'x'.repeat(1_000) })}\n`;
  const startedAtMs = performance.now();
  for (let index = 0; index < 10_000; index += 1) log.write(line);
  expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  expect(reader.stdin.writableLength).toBeLessThan(1.1 * 1024 * 1024);

  reader.kill('SIGUSR2');
  const { stdin } = reader;
  await vi.waitFor(() => expect(stdin.writableLength).toBe(0), 10_000);
  log.write(line);
  stdin.end();
  const [said] = await once(reader.stdout, 'data');
  const { lines, told } = JSON.parse(String(said)) as { lines: number; told: string };
  expect(lines).toBeLessThan(2_000);
  const { level, msg } = JSON.parse(told) as { level: number; msg: string };
  expect(level).toBe(40);
  // With the line that tells it.
  expect(Number.parseInt(msg, 10) + lines - 1).toBe(10_001);
});

it('goes on when its reader is gone', async () => {
  reader = start();
  const log = new LogStream(reader.stdin);
  await once(reader.stdout, 'data');
  reader.kill('SIGKILL');
  await once(reader, 'exit');
  for (let index = 0; index < 10; index += 1) {
    log.write('a line\n');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
