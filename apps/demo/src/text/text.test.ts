import { describe, expect, it } from 'vitest';
import { type Corners, cornersOf, type Point, smallestRect } from './geometry.js';
import { readingOrder } from './reading-order.js';

describe('smallestRect', () => {
  it('is turned with the points', () => {
    const diamond: Point[] = [
      [0, 10],
      [10, 0],
      [20, 10],
      [10, 20],
    ];
    const rect = smallestRect(diamond);
    expect((rect?.width ?? 0) * (rect?.height ?? 0)).toBeCloseTo(200);
    expect(Math.abs(rect?.angle ?? 0)).toBeCloseTo(Math.PI / 4);
  });

  it('has its corners clockwise from the top left', () => {
    const rect = smallestRect([
      [0, 0],
      [30, 0],
      [30, 10],
      [0, 10],
    ]);
    expect(rect && cornersOf(rect).map(([x, y]) => [Math.round(x), Math.round(y)])).toEqual([
      [0, 0],
      [30, 0],
      [30, 10],
      [0, 10],
    ]);
  });

  it('is nothing around points on one line', () => {
    expect(
      smallestRect([
        [0, 0],
        [1, 1],
        [2, 2],
      ]),
    ).toBeUndefined();
  });
});

describe('readingOrder', () => {
  const box = (name: string, x: number, y: number, height = 20): { name: string; corners: Corners } => ({
    name,
    corners: [
      [x, y],
      [x + 50, y],
      [x + 50, y + height],
      [x, y + height],
    ],
  });

  it('reads line by line, each from the left, though lines are not level', () => {
    const boxes = [box('d', 0, 60), box('b', 100, 4), box('c', 200, -3), box('a', 0, 0), box('e', 120, 57)];
    expect(readingOrder(boxes).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('follows a line that climbs', () => {
    const climbing = (name: string, x: number): { name: string; corners: Corners } => {
      const at = (dx: number, dy: number): Point => [x + dx, 100 - (x + dx) * 0.1 + dy];
      return { name, corners: [at(0, 0), at(60, 0), at(60, 20), at(0, 20)] };
    };
    const boxes = [climbing('right', 500), climbing('left', 0), climbing('middle', 250)];
    expect(readingOrder(boxes).map(({ name }) => name)).toEqual(['left', 'middle', 'right']);
  });

  it('does not take a tall box for a line of everything beside it', () => {
    const boxes = [box('third', 0, 66), box('first', 0, 0), box('second', 0, 33), box('tall', 100, 0, 86)];
    expect(readingOrder(boxes).map(({ name }) => name)).toEqual(['first', 'second', 'tall', 'third']);
  });
});
