import type { ImageInput } from '@cutpoint/protocol';
import { CutpointError, messageOf } from '../errors.js';
import type { ImageSource } from '../session.js';
import { type Fitting, fitImage, type Size } from './placement.js';

/** A picture that is decoded and has a size, and what it takes to let it go. */
export interface DecodedImage extends Size {
  readonly drawable: ImageBitmapSource;
  readonly release: () => void;
}

/**
 * Decodes what has to be decoded and finds the size. The orientation that a camera wrote into the file is applied.
 * @throws CutpointError `bad_image`
 */
export async function decodeImage(image: ImageSource): Promise<DecodedImage> {
  const { width, height } = sizeOf(image);
  if (image instanceof Blob) {
    if (image.size === 0) throw badImage('it has 0 bytes');
    const bitmap = await bitmapOf(image);
    return { drawable: bitmap, width: bitmap.width, height: bitmap.height, release: () => bitmap.close() };
  }
  if (!(width > 0 && height > 0)) throw badImage('it has no pixels, or is not loaded yet');
  return { drawable: image, width, height, release: () => {} };
}

/** A picture as the network sees it. */
export interface DrawnImage {
  readonly canvas: OffscreenCanvas;
  readonly context: OffscreenCanvasRenderingContext2D;
  readonly fitting: Fitting;
}

/** Draws a picture into a served size, once. @throws CutpointError `bad_image` */
export async function drawImage(picture: DecodedImage, input: ImageInput): Promise<DrawnImage> {
  const fitting = fitImage(picture, input);
  const { source, target } = fitting;
  let scaled: ImageBitmap | undefined;
  try {
    // Unlike a canvas, this filters well when a large photo becomes small.
    scaled = await createImageBitmap(picture.drawable, source.x, source.y, source.width, source.height, {
      resizeWidth: target.width,
      resizeHeight: target.height,
      resizeQuality: 'high',
    });
    const canvas = new OffscreenCanvas(input.width, input.height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (!context) throw new Error('this browser gives no 2d canvas');
    context.fillStyle = `rgb(${input.pad.join(' ')})`;
    context.fillRect(0, 0, input.width, input.height);
    // What is transparent was made to be seen on white.
    context.fillStyle = 'white';
    context.fillRect(target.x, target.y, target.width, target.height);
    context.drawImage(scaled, target.x, target.y, target.width, target.height);
    return { canvas, context, fitting };
  } catch (cause) {
    throw badImage(messageOf(cause), cause);
  } finally {
    scaled?.close();
  }
}

/** RGB pixels `[h, w, 3]`. */
export function pixelsOf({ canvas, context }: DrawnImage): Uint8Array<ArrayBuffer> {
  return withoutAlpha(context.getImageData(0, 0, canvas.width, canvas.height).data);
}

/** RGBA to RGB. */
function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array<ArrayBuffer> {
  const numPixels = rgba.length / 4;
  const rgb = new Uint8Array(numPixels * 3);
  for (let pixel = 0, from = 0, to = 0; pixel < numPixels; pixel++, from += 4, to += 3) {
    rgb[to] = rgba[from] ?? 0;
    rgb[to + 1] = rgba[from + 1] ?? 0;
    rgb[to + 2] = rgba[from + 2] ?? 0;
  }
  return rgb;
}

function sizeOf(image: ImageSource): Size {
  if (image instanceof Blob) return { width: 0, height: 0 };
  if (image instanceof HTMLImageElement) return { width: image.naturalWidth, height: image.naturalHeight };
  if (image instanceof HTMLVideoElement) return { width: image.videoWidth, height: image.videoHeight };
  return image;
}

async function bitmapOf(blob: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, { imageOrientation: 'from-image' });
  } catch (cause) {
    throw badImage(`this browser cannot decode ${blob.type || 'a file of no known type'}`, cause);
  }
}

function badImage(why: string, cause?: unknown): CutpointError {
  return new CutpointError('bad_image', `This is not a picture that can be read: ${why}.`, { cause });
}
