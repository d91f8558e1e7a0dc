import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/cutpoint.js', import.meta.url));

/** The real command line in a process of its own, as a person starts it. */
export interface CliProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** All output so far. */
  readonly said: () => string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

/** @param home all of a home that the process gets. */
export function startCli(
  args: readonly string[],
  { cwd, home, env = {} }: { readonly cwd: string; readonly home: string; readonly env?: Record<string, string> },
): CliProcess {
  // Nothing of onnxruntime in the environment: what a stranger has.
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...inherited } = process.env;
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, HOME: home, ...env },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  return { child, said: () => text, ended };
}

/** Waits until a process has said something; its first group, if it has one. */
export async function until(edge: CliProcess, pattern: RegExp): Promise<string> {
  return await vi.waitFor(
    () => {
      const match = pattern.exec(edge.said());
      if (match === null) throw new Error(`not said yet: ${edge.said()}`);
      return match[1] ?? match[0];
    },
    { timeout: 30_000, interval: 20 },
  );
}
