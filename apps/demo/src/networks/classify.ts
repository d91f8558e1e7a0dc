import { decodeClassification, type Session, type Trace } from '@cutpoint/client';
import type { Picture } from '../picture/picture.js';
import type { Answer } from './answer.js';
import type { ReadOptions } from './reader.js';

/** The best classes for a picture, with their probabilities. */
export async function classify(
  session: Session,
  picture: Picture,
  { signal }: ReadOptions,
  traces: Trace[],
): Promise<Answer> {
  const result = await session.runImage(picture.bitmap, { signal });
  traces.push(result.trace);
  const labels = decodeClassification(result, session.manifest).map(({ label, score }) => ({ name: label, score }));
  return { kind: 'labels', labels };
}
