import { round } from '../statistics.js';
import type { InferenceRecord, Stages } from './record.js';
import { mean } from './summary.js';

/** Where predictions went wrong, in ms: measured less predicted, so positive where the model hopes too much. */
export interface TermError {
  readonly term: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
  /** Mean of measured less predicted: what is systematic. */
  readonly biasMs: number;
  /** Mean of its absolute value. */
  readonly absoluteMs: number;
}

/** Each stage beside the term that predicts it. What no stage explains is what the fixed cost is for. */
const STAGE_OF_TERM = [
  ['wait', 'waitMs', 'waitMs'],
  ['head', 'headMs', 'headMs'],
  ['encode', 'encodeMs', 'encodeMs'],
  ['upload', 'uploadMs', 'uploadMs'],
  ['queue', 'queueMs', 'queueMs'],
  ['tail', 'tailMs', 'tailMs'],
  ['decode', 'decodeMs', 'decodeMs'],
  ['download', 'downloadMs', 'downloadMs'],
  ['fixed', 'fixedMs', 'otherMs'],
] as const satisfies readonly (readonly [string, keyof InferenceRecord['terms'], keyof Stages])[];

export function termErrors(records: readonly InferenceRecord[]): TermError[] {
  return STAGE_OF_TERM.map(([term, predicted, measured]) => {
    const differences = records.map(({ terms, stages }) => stages[measured] - terms[predicted]);
    return {
      term,
      measuredMs: round(mean(records.map(({ stages }) => stages[measured])), 2),
      predictedMs: round(mean(records.map(({ terms }) => terms[predicted])), 2),
      biasMs: round(mean(differences), 2),
      absoluteMs: round(mean(differences.map(Math.abs)), 2),
    };
  });
}
