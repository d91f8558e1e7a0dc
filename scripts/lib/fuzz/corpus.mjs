import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.mjs';

const folderOf = (target) => join(root, 'scripts/fuzz-corpus', target);

/** The inputs that are kept for a target, by their file names. @param {string} target @returns {Map<string, Buffer>} */
export function readCorpus(target) {
  const folder = folderOf(target);
  if (!existsSync(folder)) return new Map();
  return new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

/** Keeps these instead of what was kept. @param {string} target @param {readonly Buffer[]} inputs */
export function writeCorpus(target, inputs) {
  const folder = folderOf(target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const input of inputs) {
    const name = createHash('sha256').update(input).digest('hex').slice(0, 16);
    writeFileSync(join(folder, `${name}.bin`), input);
  }
}
