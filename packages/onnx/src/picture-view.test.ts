import { describe, expect, it } from 'vitest';
import { pictureView } from './picture-view.js';
import { seededRandom } from './random.js';

/** Red grows to the right, green downwards. */
const HEIGHT = 60;
const WIDTH = 100;
const rgb = Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, i) => {
  const [pixel, channel] = [Math.floor(i / 3), i % 3];
  return [2 * (pixel % WIDTH), 4 * Math.floor(pixel / WIDTH), 128][channel] ?? 0;
});
const picture = { rgb, height: HEIGHT, width: WIDTH };

/** Mean of a channel over a column of a `[h, w, 3]` view. */
function columnMean(view: Uint8Array, h: number, w: number, x: number, channel: number): number {
  return Array.from({ length: h }, (_, y) => view[(y * w + x) * 3 + channel] ?? 0).reduce((a, b) => a + b, 0) / h;
}

describe('views of a picture', () => {
  it('are the same for the same seed, and differ from one to the next', () => {
    const series = (seed: number) => {
      const random = seededRandom(seed);
      return [pictureView(picture, 16, 16, random), pictureView(picture, 16, 16, random)];
    };
    expect(series(1)).toEqual(series(1));
    expect(series(1)[0]).not.toEqual(series(1)[1]);
    expect(series(1)[0]).not.toEqual(series(2)[0]);
  });

  it('show the picture: upright, sometimes mirrored, at other places and scales', () => {
    const random = seededRandom(3);
    const spans: number[] = [];
    for (let i = 0; i < 40; i++) {
      const view = pictureView(picture, 12, 20, random);
      spans.push(columnMean(view, 12, 20, 19, 0) - columnMean(view, 12, 20, 0, 0));
      const green = (y: number) => view[(y * 20 + 10) * 3 + 1] ?? 0;
      expect(green(11), 'never upside down').toBeGreaterThan(green(0));
      expect(Math.abs(columnMean(view, 12, 20, 7, 2) - 128)).toBeLessThan(15);
    }
    const mirrored = spans.filter((span) => span < 0).length;
    expect(mirrored).toBeGreaterThan(5);
    expect(mirrored).toBeLessThan(35);
    const sizes = spans.map(Math.abs);
    expect(Math.max(...sizes)).toBeGreaterThan(1.5 * Math.min(...sizes));
  });

  it('may be larger than the picture', () => {
    expect(pictureView(picture, 120, 200, seededRandom(1)).length).toBe(120 * 200 * 3);
  });
});
