import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RgbPicture } from '@cutpoint/onnx';
import { jpegSize } from '../../decoding/picture-size.js';
import { decodePicture } from '../../decoding/pictures.js';
import { errnoOf, ModelError, messageOf } from '../../models/error.js';

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

/** @throws ModelError `bad_config` for one that cannot be read, so that nobody calibrates on less than they think */
export async function readPictures(files: readonly string[]): Promise<readonly RgbPicture[]> {
  return await Promise.all(files.map(readPicture));
}

async function readPicture(file: string): Promise<RgbPicture> {
  try {
    const bytes = new Uint8Array(await readFile(file));
    const size = jpegSize(bytes);
    if (size === undefined) throw new Error('it is no JPEG of three components of 8 bits');
    return { ...size, rgb: await decodePicture('jpeg', bytes, size) };
  } catch (cause) {
    const message = `the calibration picture ${basename(file)} cannot be read: ${messageOf(cause)}`;
    throw new ModelError('bad_config', `${message}. Replace it or take it away`, { cause });
  }
}
