import { polygonHull } from 'd3-polygon';

export type Point = [number, number];
/** Clockwise from the top left, as a reader sees the text. */
export type Corners = readonly [Point, Point, Point, Point];

/** A rectangle that may be turned; `angle` is that of its `width` axis, in radians within ±45°. */
export interface TurnedRect {
  readonly centre: Point;
  readonly width: number;
  readonly height: number;
  readonly angle: number;
}

/** Points on one line span an area of rounding errors. */
const NO_AREA = 1e-9;

/**
 * The smallest rectangle around the points, in any direction. One side of it lies on an edge of their convex hull
 * (Freeman and Shapira, 1975), so every edge is tried. `undefined` for points that span no area.
 */
export function smallestRect(points: readonly Point[]): TurnedRect | undefined {
  const hull = polygonHull([...points]);
  if (hull === null) return undefined;
  let best: { readonly area: number; readonly angle: number; readonly box: Extent } | undefined;
  for (const [index, [x, y]] of hull.entries()) {
    const [nextX, nextY] = hull[(index + 1) % hull.length] ?? [x, y];
    const angle = readingAngle(Math.atan2(nextY - y, nextX - x));
    const box = extentAlong(hull, angle);
    const area = (box.right - box.left) * (box.bottom - box.top);
    if (best === undefined || area < best.area) best = { area, angle, box };
  }
  if (best === undefined || best.area < NO_AREA) return undefined;
  const { box, angle } = best;
  return {
    centre: turn([(box.left + box.right) / 2, (box.top + box.bottom) / 2], angle),
    width: box.right - box.left,
    height: box.bottom - box.top,
    angle,
  };
}

/** The smallest level rectangle around the points. */
export function levelRect(points: readonly Point[]): TurnedRect | undefined {
  const { left, right, top, bottom } = extentAlong(points, 0);
  if (!((right - left) * (bottom - top) >= NO_AREA)) return undefined;
  return { centre: [(left + right) / 2, (top + bottom) / 2], width: right - left, height: bottom - top, angle: 0 };
}

/** The same rectangle with every side `distance` further out. */
export function grown(rect: TurnedRect, distance: number): TurnedRect {
  return { ...rect, width: rect.width + 2 * distance, height: rect.height + 2 * distance };
}

export function cornersOf({ centre, width, height, angle }: TurnedRect): Corners {
  const corner = (x: number, y: number): Point => {
    const [dx, dy] = turn([(x * width) / 2, (y * height) / 2], angle);
    return [centre[0] + dx, centre[1] + dy];
  };
  return [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
}

/** Whether the point lies in the rectangle. */
export function isInside(rect: TurnedRect, [x, y]: Point): boolean {
  const [along, across] = turn([x - rect.centre[0], y - rect.centre[1]], -rect.angle);
  return Math.abs(along) <= rect.width / 2 && Math.abs(across) <= rect.height / 2;
}

interface Extent {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function extentAlong(points: readonly Point[], angle: number): Extent {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const point of points) {
    const [x, y] = turn(point, -angle);
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return { left, right, top, bottom };
}

/** The direction within ±45° that is parallel or square to this one: text is read from left to right. */
function readingAngle(angle: number): number {
  const quarter = Math.PI / 2;
  return angle - Math.round(angle / quarter) * quarter;
}

function turn([x, y]: Point, angle: number): Point {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [x * cos - y * sin, x * sin + y * cos];
}
