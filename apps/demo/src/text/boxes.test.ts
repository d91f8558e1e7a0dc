import { describe, expect, it } from 'vitest';
import { findBoxes, type TextMap } from './boxes.js';
import { cornersOf, isInside, type TurnedRect } from './geometry.js';

/** A map with text of probability `value` where the rectangles are, in map pixels. */
function drawn(width: number, height: number, rects: readonly TurnedRect[], value = 230, stride = 1): TextMap {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (rects.some((rect) => isInside(rect, [x + 0.5, y + 0.5]))) data[y * width + x] = value;
    }
  }
  return { data, width, height, stride };
}

const level = (x: number, y: number, width: number, height: number): TurnedRect => ({
  centre: [x + width / 2, y + height / 2],
  width,
  height,
  angle: 0,
});

describe('findBoxes', () => {
  it('finds nothing in an empty map, and one box in a full one', () => {
    expect(findBoxes(drawn(40, 20, []))).toEqual([]);
    expect(findBoxes(drawn(40, 20, [level(0, 0, 40, 20)]))).toHaveLength(1);
  });

  it('grows a core back by area x 1.5 / perimeter on every side', () => {
    const [box] = findBoxes(drawn(200, 60, [level(40, 20, 100, 10)]));
    const distance = (100 * 10 * 1.5) / 220;
    expect(box?.rect.centre[0]).toBeCloseTo(90, 0);
    expect(box?.rect.centre[1]).toBeCloseTo(25, 0);
    expect(Math.abs((box?.rect.width ?? 0) - (100 + 2 * distance))).toBeLessThan(2);
    expect(Math.abs((box?.rect.height ?? 0) - (10 + 2 * distance))).toBeLessThan(2);
    expect(box?.score).toBeGreaterThan(0.85);
  });

  it('answers in input pixels when the map is smaller than the input', () => {
    const [fine] = findBoxes(drawn(400, 120, [level(80, 40, 200, 20)]));
    const [coarse] = findBoxes(drawn(100, 30, [level(20, 10, 50, 5)], 230, 4));
    for (const [index, value] of (fine?.rect.centre ?? []).entries()) {
      expect(Math.abs((coarse?.rect.centre[index] ?? 0) - value)).toBeLessThan(3);
    }
    expect(Math.abs((coarse?.rect.width ?? 0) - (fine?.rect.width ?? 0))).toBeLessThan(10);
  });

  it.each([-40, -20, -5, 5, 20, 40])('follows text that is turned by %i degrees', (degrees) => {
    const turned: TurnedRect = { centre: [100, 100], width: 120, height: 14, angle: (degrees * Math.PI) / 180 };
    const boxes = findBoxes(drawn(200, 200, [turned]));
    expect(boxes).toHaveLength(1);
    expect(((boxes[0]?.rect.angle ?? 0) * 180) / Math.PI).toBeCloseTo(degrees, -0.5);
    expect(boxes[0]?.rect.width).toBeGreaterThan(boxes[0]?.rect.height ?? Infinity);
  });

  it('takes a round blob, as a lone digit leaves it, to lie level', () => {
    const [box] = findBoxes(drawn(60, 60, [{ centre: [30, 30], width: 12, height: 12, angle: Math.PI / 4 }]));
    expect(box?.rect.angle).toBeCloseTo(0);
  });

  it('keeps neighbours apart and gives each its own box', () => {
    const boxes = findBoxes(drawn(200, 80, [level(10, 10, 60, 8), level(90, 10, 60, 8), level(10, 40, 60, 8)]));
    expect(boxes).toHaveLength(3);
  });

  it('drops what is faint, and specks', () => {
    expect(findBoxes(drawn(100, 40, [level(20, 10, 50, 10)], 100))).toEqual([]);
    expect(findBoxes(drawn(100, 40, [level(20, 10, 2, 2)]))).toEqual([]);
  });

  it('takes the outline of a region with a hole in it', () => {
    const map = drawn(100, 60, [level(20, 10, 60, 40)]);
    for (let y = 28; y < 32; y++) map.data.fill(0, y * 100 + 40, y * 100 + 50);
    expect(findBoxes(map)).toHaveLength(1);
  });

  it('refuses a map whose size is a lie', () => {
    expect(() => findBoxes({ data: new Uint8Array(10), width: 4, height: 4, stride: 1 })).toThrow('4 x 4 has 10');
  });

  it('survives noise without a box outside the map by more than its growth', () => {
    let seed = 1;
    const data = Uint8Array.from({ length: 160 * 160 }, () => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed >> 23;
    });
    for (const { rect, score } of findBoxes({ data, width: 160, height: 160, stride: 4 })) {
      expect(score).toBeGreaterThanOrEqual(0.6);
      for (const value of cornersOf(rect).flat()) expect(Number.isFinite(value)).toBe(true);
    }
  });
});
