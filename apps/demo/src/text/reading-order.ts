import type { Corners, Point } from './geometry.js';

interface Measured<T> {
  readonly box: T;
  readonly centre: Point;
  readonly height: number;
  /** Rise of the text per pixel to the right. */
  readonly slope: number;
}

/**
 * Boxes as a person reads them: line by line from the top, each from the left. A box belongs to a line when its middle
 * is within half the lower height of where the line's last box leads to, so a line need not be level.
 */
export function readingOrder<T extends { readonly corners: Corners }>(boxes: readonly T[]): T[] {
  const fromTheLeft = boxes.map(measure).sort((a, b) => a.centre[0] - b.centre[0]);
  const lines: Measured<T>[][] = [];
  for (const item of fromTheLeft) {
    const line = lines.find((members) => {
      const last = members.at(-1);
      return last !== undefined && continues(last, item);
    });
    if (line === undefined) lines.push([item]);
    else line.push(item);
  }
  return lines.sort((a, b) => top(a) - top(b)).flatMap((line) => line.map(({ box }) => box));
}

function continues<T>(last: Measured<T>, next: Measured<T>): boolean {
  const leadsTo = last.centre[1] + last.slope * (next.centre[0] - last.centre[0]);
  return Math.abs(next.centre[1] - leadsTo) < Math.min(last.height, next.height) / 2;
}

function top<T>(line: readonly Measured<T>[]): number {
  return line.reduce((sum, { centre }) => sum + centre[1], 0) / line.length;
}

function measure<T extends { readonly corners: Corners }>(box: T): Measured<T> {
  const [topLeft, topRight, , bottomLeft] = box.corners;
  const width = topRight[0] - topLeft[0];
  return {
    box,
    centre: [mean(box.corners, 0), mean(box.corners, 1)],
    height: Math.hypot(bottomLeft[0] - topLeft[0], bottomLeft[1] - topLeft[1]),
    slope: width > 0 ? (topRight[1] - topLeft[1]) / width : 0,
  };
}

function mean(corners: Corners, axis: 0 | 1): number {
  return corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length;
}
