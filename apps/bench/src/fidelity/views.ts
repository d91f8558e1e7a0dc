import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pictureView, type RgbPicture, seededRandom } from '@cutpoint/onnx';
import { decodeWithSize } from '../profile/picture-decoder.js';

/** What SqueezeNet takes: BGR, less the means of its training set. */
const MEANS_BGR = [104, 117, 123] as const;

/** The JPEG pictures of a folder, by name. */
export async function readFolder(dir: string): Promise<readonly RgbPicture[]> {
  const names = (await readdir(dir)).filter((name) => /\.jpe?g$/i.test(name)).sort();
  if (names.length === 0) throw new Error(`There are no JPEG pictures in ${dir}: give another folder with --images.`);
  return await Promise.all(names.map(async (name) => decodeWithSize('jpeg', await readFile(join(dir, name)))));
}

/** The n-th view: pictures take turns, each view has its own seed. @returns `[side, side, 3]` */
export function viewOf(pictures: readonly RgbPicture[], index: number, side: number): Uint8Array {
  const picture = pictures[index % pictures.length];
  if (picture === undefined) throw new Error('there is no picture');
  return pictureView(picture, side, side, seededRandom(index + 1));
}

/** The largest square in the middle, neither mirrored nor noisy. @returns `[side, side, 3]` */
export function centre(picture: RgbPicture, side: number): Uint8Array {
  // The largest crop, in the middle, not mirrored, without noise: what the series of numbers says in this order.
  const series = [1, 0.5, 0.5, 0.5, 0];
  let next = 0;
  return pictureView(picture, side, side, () => series[next++] ?? 0.5);
}

/** @returns f32 `[1, 3, side, side]` */
export function normalised(rgb: Uint8Array): Float32Array<ArrayBuffer> {
  const area = rgb.length / 3;
  const values = new Float32Array(rgb.length);
  for (const [channel, mean] of MEANS_BGR.entries()) {
    for (let i = 0; i < area; i++) values[channel * area + i] = (rgb[3 * i + 2 - channel] ?? 0) - mean;
  }
  return values;
}
