import {
  decodeText,
  type ImageResult,
  type Manifest,
  type Placement,
  type Session,
  type Trace,
} from '@cutpoint/client';
import type { Picture } from '../picture/picture.js';
import { findBoxes } from '../text/boxes.js';
import { cropLine } from '../text/crop.js';
import { type Corners, cornersOf, type Point } from '../text/geometry.js';
import { readingOrder } from '../text/reading-order.js';
import type { Answer, TextLine } from './answer.js';
import type { ReadOptions } from './reader.js';

/** A page of small print has more lines than anybody waits for; the rest is outlined and counted. */
const MAX_LINES_READ = 64;
/** Lines in flight together, so that heads here and tails at the edge overlap. */
const LINES_AT_ONCE = 3;

/**
 * Reads the lines that were found in a picture; without a recogniser they are only outlined. What was read so far goes
 * to `onPartial`.
 */
export async function readLines(
  recogniser: Session | undefined,
  picture: Picture,
  found: readonly TextLine[],
  { signal, onPartial }: ReadOptions,
  traces: Trace[],
): Promise<Answer> {
  const lines = found.slice(0, MAX_LINES_READ);
  const answer = (): Answer => ({
    kind: 'text',
    lines: [...lines],
    foundBoxes: found.length,
    isReading: recogniser !== undefined,
  });
  if (recogniser === undefined || lines.length === 0) return answer();

  onPartial(answer());
  const widest = widestLine(recogniser);
  let next = 0;
  const readOn = async (): Promise<void> => {
    while (next < lines.length) {
      const index = next++;
      const line = lines[index];
      if (line === undefined) return;
      const result = await recogniser.runImage(cropLine(picture.bitmap, line.corners, widest), { signal });
      traces.push(result.trace);
      lines[index] = { ...line, ...decodeText(result, recogniser.manifest) };
      onPartial(answer());
    }
  };
  await Promise.all(Array.from({ length: LINES_AT_ONCE }, readOn));
  return answer();
}

/** The lines of text in a picture, in the order in which one reads them. */
export function linesIn(picture: Picture, { outputs, placement }: ImageResult, { task, model }: Manifest): TextLine[] {
  if (task.type !== 'text-detection') throw new TypeError(`${model} does not find text.`);
  const map = outputs[task.map];
  const [height, width] = map?.dims.slice(-2) ?? [];
  if (!(map?.data instanceof Uint8Array) || width === undefined || height === undefined) {
    throw new TypeError(`${model} gave no map of text as u8.`);
  }
  const boxes = findBoxes({ data: map.data, width, height, stride: task.stride });
  const onPicture = boxes
    .map(({ rect }) => ({ corners: toPicture(cornersOf(rect), placement) }))
    // Padding beside the picture holds no text.
    .filter(({ corners }) => isOn(picture, corners));
  return readingOrder(onPicture);
}

/** Longest line that the recogniser takes at its height, in pixels. */
function widestLine({ manifest }: Session): number {
  return Math.max(...manifest.variants.map(({ image }) => image?.width ?? 0));
}

function toPicture(corners: Corners, { scaleX, scaleY, offsetX, offsetY }: Placement): Corners {
  const back = ([x, y]: Point): Point => [(x - offsetX) / scaleX, (y - offsetY) / scaleY];
  const [a, b, c, d] = corners;
  return [back(a), back(b), back(c), back(d)];
}

/** For a recogniser by itself the picture is one line. */
export function wholePicture({ bitmap: { width, height } }: Picture): Corners {
  return [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ];
}

function isOn({ bitmap }: Picture, corners: Corners): boolean {
  const x = corners.reduce((sum, corner) => sum + corner[0], 0) / 4;
  const y = corners.reduce((sum, corner) => sum + corner[1], 0) / 4;
  return x >= 0 && y >= 0 && x < bitmap.width && y < bitmap.height;
}
