import type { Page } from 'playwright-core';
import type { NetworkProfile } from '../policies/profile-file.js';
import { median } from '../statistics.js';
import type { Photograph } from './photographs.js';
import { decodePicture } from './picture-decoder.js';

const FORMATS = ['jpeg', 'webp'] as const;
type Format = (typeof FORMATS)[number];

/** As the client compresses. */
const QUALITY = 0.9;
const WARM_UP = 5;
const RUNS = 15;

interface PictureCost {
  readonly numBytes: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
}

/** Compressing photographs in the browser and decoding them in Node; medians over the photographs. */
export async function timePictureCodecs(
  page: Page,
  photographs: readonly Photograph[],
  [height, width]: readonly [number, number],
): Promise<NetworkProfile['input']> {
  const jpeg = await costOf(page, photographs, height, width, 'jpeg');
  const webp = await costOf(page, photographs, height, width, 'webp');
  return {
    pixels: [height, width],
    u8Bytes: 3 * height * width,
    jpegBytes: jpeg.numBytes,
    jpegEncodeMs: jpeg.encodeMs,
    jpegDecodeMs: jpeg.decodeMs,
    webpBytes: webp.numBytes,
    webpEncodeMs: webp.encodeMs,
    webpDecodeMs: webp.decodeMs,
  };
}

async function costOf(
  page: Page,
  photographs: readonly Photograph[],
  height: number,
  width: number,
  format: Format,
): Promise<PictureCost> {
  const costs: PictureCost[] = [];
  for (const { bytes } of photographs) {
    const { encoded, times } = await encode(page, bytes, height, width, format);
    const compressed = new Uint8Array(Buffer.from(encoded, 'base64'));
    costs.push({
      numBytes: compressed.byteLength,
      encodeMs: median(times.slice(WARM_UP)),
      decodeMs: await decodeMs(format, compressed),
    });
  }
  return {
    numBytes: Math.round(median(costs.map((cost) => cost.numBytes))),
    encodeMs: median(costs.map((cost) => cost.encodeMs)),
    decodeMs: median(costs.map((cost) => cost.decodeMs)),
  };
}

/** From the pixels that the network is fed, cropped to the network's shape, to bytes that can be sent. */
function encode(page: Page, photograph: Uint8Array, height: number, width: number, format: Format) {
  return page.evaluate(
    async ({ base64, height, width, type, quality, runs }) => {
      const source = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([source]));
      const side = (canvas: OffscreenCanvas) => {
        const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
        if (context === null) throw new Error('This browser draws nothing off the screen.');
        return context;
      };
      const scale = Math.max(width / bitmap.width, height / bitmap.height);
      const [drawnWidth, drawnHeight] = [scale * bitmap.width, scale * bitmap.height];
      const drawn = side(new OffscreenCanvas(width, height));
      drawn.imageSmoothingQuality = 'high';
      drawn.drawImage(bitmap, (width - drawnWidth) / 2, (height - drawnHeight) / 2, drawnWidth, drawnHeight);
      const pixels = drawn.getImageData(0, 0, width, height);
      const times: number[] = [];
      let bytes = new Uint8Array();
      for (let run = 0; run < runs; run++) {
        const startMs = performance.now();
        const canvas = new OffscreenCanvas(width, height);
        side(canvas).putImageData(pixels, 0, 0);
        const blob = await canvas.convertToBlob({ type, quality });
        bytes = new Uint8Array(await blob.arrayBuffer());
        times.push(performance.now() - startMs);
        if (blob.type !== type) throw new Error(`This browser writes no ${type}.`);
      }
      return { encoded: btoa(String.fromCharCode(...bytes)), times };
    },
    {
      base64: Buffer.from(photograph).toString('base64'),
      height,
      width,
      type: `image/${format}`,
      quality: QUALITY,
      runs: WARM_UP + RUNS,
    },
  );
}

async function decodeMs(format: Format, compressed: Uint8Array): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const startMs = performance.now();
    await decodePicture(format, compressed);
    times.push(performance.now() - startMs);
  }
  return median(times.slice(WARM_UP));
}
