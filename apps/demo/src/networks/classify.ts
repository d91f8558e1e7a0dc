import { decodeClassification, type ImageResult, type Manifest } from '@cutpoint/client';
import type { Answer } from './answer.js';

/** The best classes for a picture, with their probabilities. */
export function classesOf(result: ImageResult, manifest: Manifest): Answer {
  const labels = decodeClassification(result, manifest).map(({ label, score }) => ({ name: label, score }));
  return { kind: 'labels', labels };
}
