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
