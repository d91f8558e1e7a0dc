import { readFile } from 'node:fs/promises';
import type { ModelConfig } from './config.js';
import { ModelError, messageOf } from './error.js';

/** Labels in the order of the classes, as the config wants them; empty when it has none. */
export async function readLabels(file: string, config: NonNullable<ModelConfig['labels']>): Promise<readonly string[]> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw new ModelError('source_unreadable', `${file} cannot be read as UTF-8 labels: ${messageOf(error)}`, {
      cause: error,
    });
  }
  // Only the line ends go: a label may be a space, and an ideographic space is a character of its own.
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  return [...config.before, ...lines.map((line) => skipWords(line, config.skipWords)), ...config.after];
}

function skipWords(line: string, count: number): string {
  return count === 0 ? line : line.split(' ').slice(count).join(' ');
}
