import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Project root. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs a Node program of this project and resolves with its exit code.
 * @param {string[]} args script and its arguments
 * @param {{ env?: Record<string, string>, quiet?: boolean }} [options] quiet: print its output only when it fails
 * @returns {Promise<number>}
 */
export function runNode(args, { env = {}, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    });
    /** @type {Buffer[]} */
    const output = [];
    child.stdout?.on('data', (data) => output.push(data));
    child.stderr?.on('data', (data) => output.push(data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const status = code ?? (signal ? 1 : 0);
      if (quiet && status !== 0) process.stderr.write(Buffer.concat(output));
      resolve(status);
    });
  });
}

/**
 * Runs a Node program whose last line is its result, and shows nothing of what it says.
 * @param {string[]} args script and its arguments
 * @param {{ env?: Record<string, string> }} [options]
 * @returns {Promise<{ code: number, lastLine: string }>}
 */
export async function runForLastLine(args, { env = {} } = {}) {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  return { code: code ?? 1, lastLine: text.trim().split('\n').at(-1) ?? '' };
}

/** Like {@link runNode}, but a failure ends the whole script, with what failed. */
export async function mustRunNode(what, args, options) {
  const code = await runNode(args, options);
  if (code !== 0) {
    console.error(`${what} failed (exit code ${code}).`);
    process.exit(code);
  }
}

export const bench = 'apps/bench/dist/main.js';
export const tsc = 'node_modules/typescript/bin/tsc';
export const vite = 'node_modules/vite/bin/vite.js';
export const vitest = 'node_modules/vitest/vitest.mjs';
export const playwright = 'node_modules/@playwright/test/cli.js';
export const biome = 'node_modules/@biomejs/biome/bin/biome';
