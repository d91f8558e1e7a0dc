import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';

/** A picture as a file. */
export interface Photograph {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const FOLDER = new URL('../../../../../shared/data/images/', import.meta.url);
const NAMES = ['cat.jpg', 'dog.jpg', 'goldfish.jpg'];

/** The photographs beside the project; without them one picture that is made up, named so that it can be told apart. */
export async function readPhotographs(page: Page): Promise<readonly Photograph[]> {
  try {
    return await Promise.all(NAMES.map(async (name) => ({ name, bytes: await readFile(new URL(name, FOLDER)) })));
  } catch {
    return [{ name: 'made up: no photographs were there', bytes: await madeUp(page) }];
  }
}

/** Gradients with fine noise on them: about as large as a photograph once compressed. */
async function madeUp(page: Page): Promise<Uint8Array> {
  const encoded = await page.evaluate(async () => {
    const side = 600;
    const context = new OffscreenCanvas(side, side).getContext('2d');
    if (context === null) throw new Error('This browser draws nothing off the screen.');
    const image = context.createImageData(side, side);
    for (let pixel = 0; pixel < side * side; pixel++) {
      const [x, y] = [pixel % side, Math.floor(pixel / side)];
      const wave = 60 * Math.sin(x / 25) * Math.cos(y / 40);
      const noise = 24 * (Math.random() - 0.5);
      image.data.set([128 + wave + noise, (255 * x) / side + noise, (255 * y) / side + noise, 255], 4 * pixel);
    }
    context.putImageData(image, 0, 0);
    const blob = await context.canvas.convertToBlob({ type: 'image/png' });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  });
  return new Uint8Array(Buffer.from(encoded, 'base64'));
}
