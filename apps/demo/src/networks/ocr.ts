import { decodeText, type Placement, type Session, type Trace } from '@cutpoint/client';
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
 * Finds lines of text with one network and reads each with the other. Without a detector the whole picture is one
 * line; without a recogniser lines are only outlined.
 */
export async function readText(
  detector: Session | undefined,
  recogniser: Session | undefined,
  picture: Picture,
  { signal, onPartial }: ReadOptions,
  traces: Trace[],
): Promise<Answer> {
  const found: TextLine[] = detector
    ? await findLines(detector, picture, signal, traces)
    : [{ corners: wholePicture(picture) }];
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

async function findLines(
  detector: Session,
  picture: Picture,
  signal: AbortSignal,
  traces: Trace[],
): Promise<TextLine[]> {
  const { task } = detector.manifest;
  if (task.type !== 'text-detection') throw new TypeError(`${detector.manifest.model} does not find text.`);
  const { outputs, placement, trace } = await detector.runImage(picture.bitmap, { signal });
  traces.push(trace);
  const map = outputs[task.map];
  const [height, width] = map?.dims.slice(-2) ?? [];
  if (!(map?.data instanceof Uint8Array) || width === undefined || height === undefined) {
    throw new TypeError(`${detector.manifest.model} gave no map of text as u8.`);
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

function wholePicture({ bitmap: { width, height } }: Picture): Corners {
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
