import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf, ModelError } from '../../models/error.js';

/** The demo's samples, three pages of text: what every checkout has. An edge without the demo beside it has none. */
const SAMPLES = fileURLToPath(new URL('../../../../demo/public/samples/', import.meta.url));

/** JPEG files of a folder, by name; none where there is no such folder. */
export async function jpegFilesIn(dir: string): Promise<readonly string[]> {
  try {
    const names = await readdir(dir);
    return names
      .filter((name) => /\.jpe?g$/i.test(name))
      .sort()
      .map((name) => join(dir, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw ModelError.fromStore(error, dir);
  }
}

/** The model's own calibration pictures, or else the samples. */
export async function calibrationFiles(own: readonly string[] = []): Promise<readonly string[]> {
  return own.length > 0 ? own : await jpegFilesIn(SAMPLES);
}
