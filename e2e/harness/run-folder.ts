import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Workers have the environment of the process that starts them. */
const VARIABLE = 'CUTPOINT_E2E_FOLDER';

/** A folder for what all files of a run share; goes with it. */
export function makeRunFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cutpoint-e2e-'));
  process.env[VARIABLE] = folder;
  return folder;
}

export function runFolder(): string {
  const folder = process.env[VARIABLE];
  if (folder === undefined) throw new Error('The global set-up has not run.');
  return folder;
}
