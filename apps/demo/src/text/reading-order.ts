import type { Corners } from './geometry.js';

/**
 * Boxes as a person reads them: line by line from the top, each from the left. A box belongs to the line whose middle
 * is within half the lower height of its own.
 */
export function readingOrder<T extends { readonly corners: Corners }>(boxes: readonly T[]): T[] {
  const measured = boxes.map((box) => ({ box, ...measure(box.corners) })).sort((a, b) => a.middle - b.middle);
  const lines: { middle: number; height: number; members: typeof measured }[] = [];
  for (const item of measured) {
    const line = lines.findLast((each) => Math.abs(each.middle - item.middle) < Math.min(each.height, item.height) / 2);
    if (line === undefined) lines.push({ middle: item.middle, height: item.height, members: [item] });
    else line.members.push(item);
  }
  return lines.flatMap((line) => line.members.sort((a, b) => a.left - b.left).map(({ box }) => box));
}

function measure(corners: Corners): { middle: number; height: number; left: number } {
  const [topLeft, , , bottomLeft] = corners;
  return {
    middle: corners.reduce((sum, [, y]) => sum + y, 0) / 4,
    height: Math.hypot(bottomLeft[0] - topLeft[0], bottomLeft[1] - topLeft[1]),
    left: Math.min(...corners.map(([x]) => x)),
  };
}
