import { contours } from 'd3-contour';
import { cornersOf, grown, isInside, levelRect, type Point, smallestRect, type TurnedRect } from './geometry.js';

/**
 * From the detector's map of probabilities to boxes, as differentiable binarisation defines it (Liao et al., AAAI
 * 2020, section 3.4; the constants are PaddleOCR's): the network marks the shrunken core of each line of text; a core
 * becomes the smallest rectangle around it, and the rectangle grows back by `area × UNCLIP_RATIO ÷ perimeter`.
 */
const MARK_THRESHOLD = 0.3;
/** Mean probability inside a box below which it is no text. */
const BOX_THRESHOLD = 0.6;
const UNCLIP_RATIO = 1.5;
/** Shortest side in pixels of the network's input, of a core and of a grown box. */
const MIN_CORE_SIDE = 3;
const MIN_BOX_SIDE = 5;
/** The core of one or two letters is a round blob, and no direction can be told from it: it is taken to lie level. */
const ROUND_ASPECT = 1.6;

export interface TextMap {
  /** Probability times 255, row by row. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Input pixels per map pixel. */
  readonly stride: number;
}

interface FoundBox {
  /** In pixels of the network's input. */
  readonly rect: TurnedRect;
  /** Mean probability, 0..1. */
  readonly score: number;
}

/** Boxes in no particular order; see `readingOrder`. */
export function findBoxes(map: TextMap): FoundBox[] {
  if (map.data.length !== map.width * map.height) {
    throw new RangeError(`A map of ${map.width} x ${map.height} has ${map.data.length} values.`);
  }
  if (map.width < 2 || map.height < 2) return [];
  // d3-contour finds every connected region above the threshold and its outline in one pass.
  const regions = contours()
    .size([map.width, map.height])
    .contour(Array.from(map.data), MARK_THRESHOLD * 255).coordinates;
  return regions.flatMap(([outline]) => boxAround(map, (outline ?? []).flatMap(asPoint)) ?? []);
}

function boxAround(map: TextMap, outline: readonly Point[]): FoundBox | undefined {
  const tight = smallestRect(outline);
  if (tight === undefined || Math.min(tight.width, tight.height) * map.stride < MIN_CORE_SIDE) return undefined;
  const score = meanInside(map, tight);
  if (score < BOX_THRESHOLD) return undefined;
  const aspect = Math.max(tight.width, tight.height) / Math.min(tight.width, tight.height);
  const core = aspect < ROUND_ASPECT ? (levelRect(outline) ?? tight) : tight;
  const distance = (core.width * core.height * UNCLIP_RATIO) / (2 * (core.width + core.height));
  const box = grown(core, distance);
  if (Math.min(box.width, box.height) * map.stride < MIN_BOX_SIDE) return undefined;
  return { rect: scaled(box, map.stride), score };
}

/** Mean probability of the map's pixels whose centres lie in the rectangle. */
function meanInside(map: TextMap, rect: TurnedRect): number {
  const corners = cornersOf(rect);
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const [left, right] = [Math.max(0, Math.floor(Math.min(...xs))), Math.min(map.width, Math.ceil(Math.max(...xs)))];
  const [top, bottom] = [Math.max(0, Math.floor(Math.min(...ys))), Math.min(map.height, Math.ceil(Math.max(...ys)))];
  let [sum, count] = [0, 0];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      if (!isInside(rect, [x + 0.5, y + 0.5])) continue;
      sum += map.data[y * map.width + x] ?? 0;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count / 255;
}

function scaled(rect: TurnedRect, factor: number): TurnedRect {
  return {
    centre: [rect.centre[0] * factor, rect.centre[1] * factor],
    width: rect.width * factor,
    height: rect.height * factor,
    angle: rect.angle,
  };
}

/** GeoJSON positions are arrays of any length. */
function asPoint([x, y]: readonly number[]): Point[] {
  return x === undefined || y === undefined ? [] : [[x, y]];
}
