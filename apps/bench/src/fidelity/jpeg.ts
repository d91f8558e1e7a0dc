import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import encodeJpeg, { init } from '@jsquash/jpeg/encode.js';
import { decodePicture } from '../profile/picture-decoder.js';

/** How a picture is compressed. */
export interface JpegSetting {
  readonly quality: number;
  /** Chroma at half the resolution both ways, as browsers write it, or at the full one. */
  readonly chroma: '4:2:0' | '4:4:4';
}

/** From what hurts to what is as good as raw. 90 with 4:2:0 is what the client sends. */
export const JPEG_SETTINGS: readonly JpegSetting[] = [
  ...[70, 80, 90, 95, 98, 100].map((quality) => ({ quality, chroma: '4:2:0' as const })),
  ...[98, 100].map((quality) => ({ quality, chroma: '4:4:4' as const })),
];

let ready: Promise<unknown> | undefined;

async function initialise(): Promise<void> {
  const file = createRequire(import.meta.url).resolve('@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm');
  await init(await WebAssembly.compile(new Uint8Array(await readFile(file))));
}

/** A square picture as it comes out of a JPEG, and how large that was. */
export async function throughJpeg(
  rgb: Uint8Array,
  side: number,
  { quality, chroma }: JpegSetting,
): Promise<{ readonly rgb: Uint8Array; readonly numBytes: number }> {
  ready ??= initialise();
  await ready;
  const data = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) data.set(rgb.subarray(from, from + 3), to);
  // The cast: of the browser's class the encoder reads these three fields.
  const image = { data, width: side, height: side } as unknown as ImageData;
  const encoded = await encodeJpeg(image, {
    quality,
    // The tables of the standard, baseline, as browsers write them; Huffman tables of its own are in the JPEG's favour.
    quant_table: 0,
    progressive: false,
    baseline: true,
    auto_subsample: false,
    chroma_subsample: chroma === '4:2:0' ? 2 : 1,
  });
  return { rgb: await decodePicture('jpeg', new Uint8Array(encoded)), numBytes: encoded.byteLength };
}
