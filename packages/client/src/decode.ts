import type { Manifest } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import { CutpointError } from './errors.js';

/** Outputs of `runImage`, or of `run` on a pixel variant. */
export interface HasOutputs {
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** One class that a classifier found. */
export interface Classified {
  readonly index: number;
  readonly label: string;
  /** 0..1. */
  readonly score: number;
}

/** What a recogniser read. */
export interface ReadText {
  readonly text: string;
  /** Mean probability of the characters, 0..1; 0 when there are none. */
  readonly score: number;
}

/** CTC: this class means "no character here". */
const BLANK = 0;

/** The classes that a classifier found, best first. */
export function decodeClassification(result: HasOutputs, manifest: Manifest): Classified[] {
  const { task } = manifest;
  if (task.type !== 'classification') throw wrongTask(manifest, 'classification');
  const values = numbersOf(result, task.values);
  return numbersOf(result, task.indices).map((index, rank) => ({
    index,
    label: task.labels[index] ?? `class ${index}`,
    score: values[rank] ?? 0,
  }));
}

/** The text that a recogniser read: greedy CTC, repeats collapsed and blanks dropped. */
export function decodeText(result: HasOutputs, manifest: Manifest): ReadText {
  const { task } = manifest;
  if (task.type !== 'text-recognition') throw wrongTask(manifest, 'text-recognition');
  const values = numbersOf(result, task.values);
  const indices = numbersOf(result, task.indices);
  let text = '';
  let sum = 0;
  let count = 0;
  for (const [step, index] of indices.entries()) {
    if (index === BLANK || index === indices[step - 1]) continue;
    text += task.labels[index] ?? '';
    sum += values[step] ?? 0;
    count += 1;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}

function numbersOf(result: HasOutputs, name: string): number[] {
  const tensor = result.outputs[name];
  if (!tensor) {
    throw new CutpointError(
      'bad_feeds',
      `There is no output "${name}"; there are ${Object.keys(result.outputs).join(', ')}.`,
    );
  }
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

function wrongTask(manifest: Manifest, wanted: string): CutpointError {
  return new CutpointError('bad_feeds', `"${manifest.model}" is a ${manifest.task.type} model, not ${wanted}.`);
}
