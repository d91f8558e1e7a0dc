import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { RgbPicture } from '@cutpoint/onnx';
import decodeJpeg, { init as initJpeg } from '@jsquash/jpeg/decode.js';
import decodeWebp, { init as initWebp } from '@jsquash/webp/decode.js';

// The decoders make their result with the browser's class of this name.
Reflect.set(
  globalThis,
  'ImageData',
  class {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  },
);

const require = createRequire(import.meta.url);
const compile = async (file: string): Promise<WebAssembly.Module> =>
  WebAssembly.compile(new Uint8Array(await readFile(require.resolve(file))));

let ready: Promise<void> | undefined;

async function initialise(): Promise<void> {
  await initJpeg(await compile('@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm'));
  await initWebp(await compile('@jsquash/webp/codec/dec/webp_dec.wasm'));
}

/** The RGB pixels of a compressed picture, decoded by the packages that the edge decodes with. */
export async function decodePicture(format: 'jpeg' | 'webp', compressed: Uint8Array): Promise<Uint8Array> {
  return (await decodeWithSize(format, compressed)).rgb;
}

export async function decodeWithSize(format: 'jpeg' | 'webp', compressed: Uint8Array): Promise<RgbPicture> {
  ready ??= initialise();
  await ready;
  // The cast: the packages ask for the buffer, which their decoders take as bytes.
  const bytes = compressed as Uint8Array & ArrayBuffer;
  const { data, width, height } = await (format === 'jpeg' ? decodeJpeg(bytes) : decodeWebp(bytes));
  const rgb = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
    rgb[to] = data[from] ?? 0;
    rgb[to + 1] = data[from + 1] ?? 0;
    rgb[to + 2] = data[from + 2] ?? 0;
  }
  return { rgb, width, height };
}
