import type { Trace } from '@cutpoint/client';
import type { Corners } from '../text/geometry.js';

export interface TextLine {
  /** In picture pixels. */
  readonly corners: Corners;
  /** `undefined` while it has not been read, or when nobody reads it. */
  readonly text?: string;
  readonly score?: number;
}

/** What a network said about a picture, in a form that can be shown. */
export type Answer =
  | {
      readonly kind: 'text';
      readonly lines: readonly TextLine[];
      readonly foundBoxes: number;
      /** Whether a network reads the lines, or they are only found. */
      readonly isReading: boolean;
    }
  | { readonly kind: 'labels'; readonly labels: readonly { readonly name: string; readonly score: number }[] }
  | { readonly kind: 'tensors'; readonly note: string; readonly tensors: readonly string[] };

/** An answer and what it took. */
export interface Reading {
  readonly answer: Answer;
  /** Picture in to answer out, by this page's clock. */
  readonly totalMs: number;
  readonly traces: readonly Trace[];
}
