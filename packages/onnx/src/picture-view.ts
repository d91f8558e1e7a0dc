/** A picture in memory: `[height, width, 3]`, RGB, 8 bits. */
export interface RgbPicture {
  readonly rgb: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** The smallest crop takes this share of the picture's larger possible one, by side. */
const LEAST_SHARE = 0.35;
/** Standard deviation of the noise that is added, in levels of 255, at most; about what a sensor leaves in a scaled photograph. */
const MOST_NOISE = 4;

/**
 * Another look at a picture: a crop of random size and place with the aspect that is asked for, half of the time mirrored,
 * scaled to `height` x `width` (each pixel the mean of those that it covers) and with a little noise. The same series for the
 * same random numbers.
 *
 * @returns `[height, width, 3]`
 */
export function pictureView(picture: RgbPicture, height: number, width: number, random: () => number): Uint8Array {
  const fit = Math.min(picture.height / height, picture.width / width);
  const share = LEAST_SHARE + (1 - LEAST_SHARE) * random();
  const [cropHeight, cropWidth] = [height * fit * share, width * fit * share];
  const top = (picture.height - cropHeight) * random();
  const left = (picture.width - cropWidth) * random();
  const isMirrored = random() < 0.5;
  const noise = MOST_NOISE * random();
  const rows = covers(top, cropHeight, height, picture.height);
  const columns = covers(left, cropWidth, width, picture.width);
  const view = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const column = columns[isMirrored ? width - 1 - x : x];
      for (let channel = 0; channel < 3; channel++) {
        const value = mean(picture, rows[y] ?? NOTHING, column ?? NOTHING, channel) + noise * nearlyNormal(random);
        view[at + channel] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  }
  return view;
}

/** Pixels from `from` up to `to`, at least one. */
interface Span {
  readonly from: number;
  readonly to: number;
}
const NOTHING: Span = { from: 0, to: 1 };

/** What each of `count` pixels covers of the `length` ones that begin at `start`. */
function covers(start: number, length: number, count: number, limit: number): readonly Span[] {
  return Array.from({ length: count }, (_, i) => {
    const from = Math.min(limit - 1, Math.floor(start + (i * length) / count));
    return { from, to: Math.min(limit, Math.max(from + 1, Math.floor(start + ((i + 1) * length) / count))) };
  });
}

function mean({ rgb, width }: RgbPicture, rows: Span, columns: Span, channel: number): number {
  let sum = 0;
  for (let y = rows.from; y < rows.to; y++) {
    for (let x = columns.from; x < columns.to; x++) sum += rgb[(y * width + x) * 3 + channel] ?? 0;
  }
  return sum / ((rows.to - rows.from) * (columns.to - columns.from));
}

/** Mean 0 and standard deviation 1: the sum of three uniform numbers, scaled. */
function nearlyNormal(random: () => number): number {
  return 2 * (random() + random() + random() - 1.5);
}
