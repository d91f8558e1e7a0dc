import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../run.mjs';

const HOME = join(root, 'apps', 'reference');

/**
 * Writes the API's reference, from the sources. Rejects where an exported symbol has no documentation.
 * @param {string} to folder, emptied first
 */
export async function writeReference(to) {
  const typedoc = join(HOME, 'node_modules', 'typedoc', 'bin', 'typedoc');
  try {
    await promisify(execFile)(process.execPath, [typedoc, '--out', to], { cwd: HOME });
  } catch (error) {
    throw new Error(`TypeDoc:\n${error.stdout}${error.stderr}`);
  }
}
