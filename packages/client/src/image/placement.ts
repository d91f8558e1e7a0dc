import type { ImageInput } from '@cutpoint/protocol';
import type { Placement } from '../session.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** Which part of the picture is drawn where in the network's input. */
export interface Fitting {
  readonly source: Rect;
  readonly target: Rect;
  readonly placement: Placement;
}

/** A smaller size is as good as the largest when it keeps at least this much of the detail that the largest keeps. */
const SAME_DETAIL = 0.95;

/** Fits a picture into one served size. */
export function fitImage(picture: Size, { width, height, fit }: ImageInput): Fitting {
  const whole: Rect = { x: 0, y: 0, width: picture.width, height: picture.height };
  const input: Rect = { x: 0, y: 0, width, height };
  if (fit === 'stretch') return fitting(whole, input, { width, height });
  if (fit === 'contain') {
    const scale = Math.min(width / picture.width, height / picture.height);
    const target: Rect = {
      x: 0,
      y: 0,
      width: clamp(Math.round(picture.width * scale), 1, width),
      height: clamp(Math.round(picture.height * scale), 1, height),
    };
    return fitting(whole, target, { width, height });
  }
  const scale = Math.max(width / picture.width, height / picture.height);
  const cropWidth = clamp(Math.round(width / scale), 1, picture.width);
  const cropHeight = clamp(Math.round(height / scale), 1, picture.height);
  const source: Rect = {
    x: Math.floor((picture.width - cropWidth) / 2),
    y: Math.floor((picture.height - cropHeight) / 2),
    width: cropWidth,
    height: cropHeight,
  };
  return fitting(source, input, { width, height });
}

/**
 * The served size that loses least: those that keep (almost) as much detail as the best one does, and among them the
 * one with the fewest pixels to compute. A size that only enlarges the picture keeps no more than one that fits it.
 */
export function chooseSize<T extends ImageInput>(picture: Size, served: readonly T[]): T | undefined {
  const rated = served.map((image) => ({ image, detail: detailKept(picture, image) }));
  const best = Math.max(...rated.map(({ detail }) => detail));
  const [smallest] = rated
    .filter(({ detail }) => detail >= best * SAME_DETAIL)
    .sort((a, b) => pixels(a.image) - pixels(b.image) || b.detail - a.detail);
  return smallest?.image;
}

/** Share of the picture's pixels that survive, 0..1: what is scaled down or cropped away is lost. */
function detailKept(picture: Size, image: ImageInput): number {
  const { source, placement } = fitImage(picture, image);
  const shown = (source.width * source.height) / (picture.width * picture.height);
  return Math.sqrt(shown * Math.min(1, placement.scaleX) * Math.min(1, placement.scaleY));
}

function pixels({ width, height }: Size): number {
  return width * height;
}

function fitting(source: Rect, target: Rect, input: Size): Fitting {
  const scaleX = target.width / source.width;
  const scaleY = target.height / source.height;
  return {
    source,
    target,
    placement: {
      scaleX,
      scaleY,
      offsetX: target.x - source.x * scaleX,
      offsetY: target.y - source.y * scaleY,
      inputWidth: input.width,
      inputHeight: input.height,
    },
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
