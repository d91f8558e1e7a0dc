import type { ImageInput } from '@cutpoint/protocol';
import { describe, expect, it } from 'vitest';
import { chooseSize, fitImage } from './placement.js';

function served(height: number, width: number, fit: ImageInput['fit'] = 'contain'): ImageInput {
  return { input: 'pixels', height, width, fit, pad: [0, 0, 0] };
}

/** Deterministic numbers in 1..4000. */
function* sizes(count: number): Generator<{ width: number; height: number }> {
  let state = 12345;
  const next = () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return 1 + (state % 4000);
  };
  for (let i = 0; i < count; i++) yield { width: next(), height: next() };
}

describe('fitting a picture into a served size', () => {
  it('keeps the whole picture at the top left with contain', () => {
    const { source, target, placement } = fitImage({ width: 1000, height: 500 }, served(320, 320));
    expect(source).toEqual({ x: 0, y: 0, width: 1000, height: 500 });
    expect(target).toEqual({ x: 0, y: 0, width: 320, height: 160 });
    expect(placement).toMatchObject({ scaleX: 0.32, scaleY: 0.32, offsetX: 0, offsetY: 0 });
  });

  it('crops the centre with cover', () => {
    const { source, target, placement } = fitImage({ width: 1000, height: 500 }, served(224, 224, 'cover'));
    expect(source).toEqual({ x: 250, y: 0, width: 500, height: 500 });
    expect(target).toEqual({ x: 0, y: 0, width: 224, height: 224 });
    expect(placement.offsetX).toBeCloseTo(-112);
  });

  it('gives up the aspect with stretch', () => {
    const { target, placement } = fitImage({ width: 1000, height: 500 }, served(224, 224, 'stretch'));
    expect(target).toEqual({ x: 0, y: 0, width: 224, height: 224 });
    expect(placement).toMatchObject({ scaleX: 0.224, scaleY: 0.448 });
  });

  it.each(['contain', 'cover', 'stretch'] as const)('places any picture so that its corners map back (%s)', (fit) => {
    for (const picture of sizes(300)) {
      const { source, target, placement } = fitImage(picture, served(320, 480, fit));
      expect(source.x).toBeGreaterThanOrEqual(0);
      expect(source.x + source.width).toBeLessThanOrEqual(picture.width);
      expect(source.y + source.height).toBeLessThanOrEqual(picture.height);
      expect(target.x + target.width).toBeLessThanOrEqual(480);
      expect(target.y + target.height).toBeLessThanOrEqual(320);
      expect(Math.min(source.width, source.height, target.width, target.height)).toBeGreaterThanOrEqual(1);
      const { scaleX, scaleY, offsetX, offsetY } = placement;
      expect((target.x - offsetX) / scaleX).toBeCloseTo(source.x, 6);
      expect((target.x + target.width - offsetX) / scaleX).toBeCloseTo(source.x + source.width, 6);
      expect((target.y - offsetY) / scaleY).toBeCloseTo(source.y, 6);
      expect((target.y + target.height - offsetY) / scaleY).toBeCloseTo(source.y + source.height, 6);
    }
  });
});

describe('choosing a served size', () => {
  const squareTallWide = [served(320, 320), served(640, 640), served(960, 960), served(640, 320), served(320, 640)];

  it('takes the largest for a large photo of its aspect', () => {
    expect(chooseSize({ width: 3000, height: 3000 }, squareTallWide)).toMatchObject({ height: 960, width: 960 });
  });

  it('computes no more than a small picture is worth', () => {
    expect(chooseSize({ width: 300, height: 200 }, squareTallWide)).toMatchObject({ height: 320, width: 320 });
  });

  it('takes the size of the aspect that wastes least', () => {
    expect(chooseSize({ width: 640, height: 320 }, squareTallWide)).toMatchObject({ height: 320, width: 640 });
    expect(chooseSize({ width: 320, height: 640 }, squareTallWide)).toMatchObject({ height: 640, width: 320 });
  });

  it('gives a long line of text the width that it needs, and a short one no more', () => {
    const strips = [served(48, 160), served(48, 320), served(48, 640)];
    expect(chooseSize({ width: 120, height: 40 }, strips)).toMatchObject({ width: 160 });
    expect(chooseSize({ width: 300, height: 48 }, strips)).toMatchObject({ width: 320 });
    expect(chooseSize({ width: 2000, height: 48 }, strips)).toMatchObject({ width: 640 });
  });

  it('loses less with cover where less is cropped away', () => {
    const crops = [served(224, 224, 'cover'), served(224, 448, 'cover')];
    expect(chooseSize({ width: 448, height: 224 }, crops)).toMatchObject({ width: 448 });
  });

  it('has nothing to choose from nothing', () => {
    expect(chooseSize({ width: 10, height: 10 }, [])).toBeUndefined();
  });
});
