import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { RgbPicture } from '@cutpoint/onnx';
import { jpegSize } from '../../decoding/picture-size.js';
import { decodePicture } from '../../decoding/pictures.js';
import { ModelError, messageOf } from '../../models/error.js';

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
