import { PictureError } from './picture.js';

export interface Sample {
  /** As in the address and in `public/samples/<name>.jpg`. */
  readonly name: string;
  readonly title: string;
}

/** Drawn for this page by `samples/make.mjs`. */
export const SAMPLES: readonly Sample[] = [
  { name: 'invoice', title: 'Invoice' },
  { name: 'board', title: 'Signposts' },
  { name: 'pass', title: 'Boarding pass' },
];

export function sampleUrl(sample: Sample): string {
  return `/samples/${sample.name}.jpg`;
}

/** @throws PictureError when the edge does not give the sample. */
export async function fetchSample(sample: Sample): Promise<Blob> {
  const missing = (why: string, cause?: unknown): PictureError =>
    new PictureError(
      'no_sample',
      `The sample "${sample.title}" could not be fetched (${why}). Try again, or choose a file of your own.`,
      { cause },
    );
  let response: Response;
  try {
    response = await fetch(sampleUrl(sample));
  } catch (cause) {
    throw missing('the edge does not answer', cause);
  }
  if (!response.ok) throw missing(`the edge answered ${response.status}`);
  return response.blob();
}
