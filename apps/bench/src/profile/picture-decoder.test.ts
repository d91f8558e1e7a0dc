import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodePicture } from './picture-decoder.js';

const photograph = new URL('../../../../../shared/data/images/goldfish.jpg', import.meta.url);

test.skipIf(!existsSync(photograph))('a photograph becomes RGB without alpha', async () => {
  const rgb = await decodePicture('jpeg', readFileSync(photograph));
  expect(rgb.byteLength % 3).toBe(0);
  expect(new Set(rgb).size).toBeGreaterThan(200);
  // A goldfish is red rather than blue.
  const sumOf = (channel: number): number =>
    rgb.reduce((sum, value, at) => (at % 3 === channel ? sum + value : sum), 0);
  expect(sumOf(0)).toBeGreaterThan(sumOf(2));
});
