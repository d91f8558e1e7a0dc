import type { Corners, Point } from './geometry.js';

/** Height that the recogniser reads at. */
const LINE_HEIGHT = 48;
const MIN_LINE_WIDTH = 8;
/** A box this much higher than wide holds text that runs downwards; it is turned to lie. A lone digit is not so slim. */
const UPRIGHT_RATIO = 2.2;

/**
 * One line of text, cut out of the picture, turned level and scaled to the recogniser's height. A line longer than
 * `maxWidth` is squeezed: letters survive that better than being lower.
 */
export function cropLine(picture: CanvasImageSource, corners: Corners, maxWidth: number): OffscreenCanvas {
  const [origin, alongEnd, acrossEnd] = textAxes(corners);
  const along = minus(alongEnd, origin);
  const across = minus(acrossEnd, origin);
  const length = Math.hypot(...along);
  const thickness = Math.max(1, Math.hypot(...across));
  const width = Math.min(maxWidth, Math.max(MIN_LINE_WIDTH, Math.round((length / thickness) * LINE_HEIGHT)));
  const canvas = new OffscreenCanvas(width, LINE_HEIGHT);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This browser gives no 2D canvas to cut lines out with.');
  context.imageSmoothingQuality = 'high';
  // The transform that takes picture to canvas: the inverse of the one that takes canvas axes to the box's sides.
  const toPicture = new DOMMatrix([
    along[0] / width,
    along[1] / width,
    across[0] / LINE_HEIGHT,
    across[1] / LINE_HEIGHT,
    origin[0],
    origin[1],
  ]);
  context.setTransform(toPicture.inverse());
  context.drawImage(picture, 0, 0);
  return canvas;
}

/** Where the text starts, where its first line ends, and the corner below the start. */
function textAxes([topLeft, topRight, bottomRight, bottomLeft]: Corners): [Point, Point, Point] {
  const width = Math.hypot(...minus(topRight, topLeft));
  const height = Math.hypot(...minus(bottomLeft, topLeft));
  return height >= width * UPRIGHT_RATIO ? [topRight, bottomRight, topLeft] : [topLeft, topRight, bottomLeft];
}

function minus(a: Point, b: Point): Point {
  return [a[0] - b[0], a[1] - b[1]];
}
