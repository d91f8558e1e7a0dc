import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { RgbPicture } from '@cutpoint/onnx';
import jpegFactory from '@jsquash/jpeg/codec/enc/mozjpeg_enc.js';
import webpFactory from '@jsquash/webp/codec/enc/webp_enc.js';

interface Encoder {
  encode(
    rgba: Uint8Array,
    width: number,
    height: number,
    options: Readonly<Record<string, unknown>>,
  ): Uint8Array | null;
}
type Factory = (options: { readonly noInitialRun: boolean; readonly wasmBinary: Uint8Array }) => Promise<Encoder>;

/** As the client compresses. */
const QUALITY = 90;

/** What browsers write at that quality: the tables of the standard's annex K, chroma halved both ways, nothing optimised beyond. */
const JPEG = {
  quality: QUALITY,
  baseline: true,
  arithmetic: false,
  progressive: false,
  optimize_coding: true,
  smoothing: 0,
  color_space: 3,
  quant_table: 0,
  trellis_multipass: false,
  trellis_opt_zero: false,
  trellis_opt_table: false,
  trellis_loops: 1,
  auto_subsample: false,
  chroma_subsample: 2,
  separate_chroma_quality: false,
  chroma_quality: QUALITY,
};

/** libwebp's own defaults but for the quality. */
const WEBP = {
  quality: QUALITY,
  target_size: 0,
  target_PSNR: 0,
  method: 4,
  sns_strength: 50,
  filter_strength: 60,
  filter_sharpness: 0,
  filter_type: 1,
  partitions: 0,
  segments: 4,
  pass: 1,
  show_compressed: 0,
  preprocessing: 0,
  autofilter: 0,
  partition_limit: 0,
  alpha_compression: 1,
  alpha_filtering: 1,
  alpha_quality: 100,
  lossless: 0,
  exact: 0,
  image_hint: 0,
  emulate_jpeg_size: 0,
  thread_level: 0,
  low_memory: 0,
  near_lossless: 100,
  use_delta_palette: 0,
  use_sharp_yuv: 0,
};

// The casts: the packages' own types speak of the browser's globals.
const ENCODERS = {
  jpeg: { factory: jpegFactory as unknown as Factory, wasm: '@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm', options: JPEG },
  webp: { factory: webpFactory as unknown as Factory, wasm: '@jsquash/webp/codec/enc/webp_enc.wasm', options: WEBP },
};
const made = new Map<keyof typeof ENCODERS, Promise<Encoder>>();

/** A compressed picture, about as a browser would write it at the client's quality; no two encoders give the same bytes. */
export async function encodePicture(
  codec: keyof typeof ENCODERS,
  { rgb, width, height }: RgbPicture,
): Promise<Uint8Array<ArrayBuffer>> {
  const { factory, wasm, options } = ENCODERS[codec];
  const encoder =
    made.get(codec) ??
    factory({ noInitialRun: true, wasmBinary: readFileSync(createRequire(import.meta.url).resolve(wasm)) });
  made.set(codec, encoder);
  const bytes = (await encoder).encode(withAlpha(rgb), width, height, options);
  if (bytes === null) throw new Error(`a picture of ${width} x ${height} cannot be written as ${codec}`);
  // Out of the encoder's memory, which the next call writes over.
  return bytes.slice();
}

/** RGB to RGBA. */
function withAlpha(rgb: Uint8Array): Uint8Array {
  const rgba = new Uint8Array((rgb.length / 3) * 4);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from] ?? 0;
    rgba[to + 1] = rgb[from + 1] ?? 0;
    rgba[to + 2] = rgb[from + 2] ?? 0;
    rgba[to + 3] = 255;
  }
  return rgba;
}
