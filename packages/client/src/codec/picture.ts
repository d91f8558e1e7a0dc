/** Of the browser's own encoders. Photographs keep their answers at it, and are a tenth of their pixels. */
const QUALITY = 0.9;

export type PictureCodec = 'jpeg' | 'webp';

export function isPictureCodec(codec: string): codec is PictureCodec {
  return codec === 'jpeg' || codec === 'webp';
}

/**
 * Compresses the pixels `[h, w, 3]` of a picture. Meant for a worker: on a page's own thread Chromium does it only when
 * the page is idle.
 * @returns `undefined` where this browser has no such encoder, or where nothing is gained by it
 */
export async function compressPicture(
  rgb: Uint8Array,
  [height = 0, width = 0, channels]: readonly number[],
  codec: PictureCodec,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (channels !== 3 || height === 0 || width === 0 || rgb.byteLength !== height * width * 3) return undefined;
  if (typeof OffscreenCanvas === 'undefined') return undefined;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (!context) return undefined;
  context.putImageData(withAlpha(rgb, width, height), 0, 0);
  return compressCanvas(canvas, codec);
}

/** The same of a picture that is drawn and has nothing transparent in it. */
export async function compressCanvas(
  canvas: OffscreenCanvas,
  codec: PictureCodec,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const type = `image/${codec}`;
  const blob = await canvas.convertToBlob({ type, quality: QUALITY });
  // A browser that has no encoder of a type takes PNG instead.
  if (blob.type !== type || blob.size >= canvas.width * canvas.height * 3) return undefined;
  return new Uint8Array(await blob.arrayBuffer());
}

/** RGB to RGBA. */
function withAlpha(rgb: Uint8Array, width: number, height: number): ImageData {
  const image = new ImageData(width, height);
  const { data } = image;
  for (let from = 0, to = 0; to < data.length; from += 3, to += 4) {
    data[to] = rgb[from] ?? 0;
    data[to + 1] = rgb[from + 1] ?? 0;
    data[to + 2] = rgb[from + 2] ?? 0;
    data[to + 3] = 255;
  }
  return image;
}

/** Which of `jpeg` and `webp` this browser can write. Trying them loads them, too. */
export async function pictureCodecs(): Promise<PictureCodec[]> {
  // Large enough that a file header is less than its pixels.
  const side = 64;
  const rgb = new Uint8Array(side * side * 3);
  const found: PictureCodec[] = [];
  for (const codec of ['jpeg', 'webp'] as const) {
    if (await compressPicture(rgb, [side, side, 3], codec).catch(() => undefined)) found.push(codec);
  }
  return found;
}
