import { readFile } from 'node:fs/promises';
import * as v from 'valibot';

/** The version of this edge, as its package has it. */
export async function edgeVersion(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return v.parse(v.object({ version: v.string() }), JSON.parse(text)).version;
}
