import { type DecisionInput, decide } from './decision.js';
import type { Plan } from './plan.js';

/** JSON has no words for these, and ages of what was never measured are infinite. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['NaN', Number.NaN],
]);
const KEY = '$number';

/** One decision as a line of JSON: everything that it depended on. */
export function recordDecision(input: DecisionInput): string {
  return JSON.stringify(input, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { [KEY]: String(value) } : value,
  );
}

/**
 * Makes a recorded decision again: the same record gives the same plan.
 * @throws SyntaxError when the record is no JSON
 */
export function replayDecision(record: string): Plan {
  return decide(readDecision(record)).plan;
}

/** The input of a recorded decision, for looking into it. */
export function readDecision(record: string): DecisionInput {
  // The record was written by `recordDecision`; a file from elsewhere fails when it is decided.
  const read = JSON.parse(record, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(KEY in value)) return value;
    return WORDS.get(String(value[KEY])) ?? Number.NaN;
  }) as DecisionInput;
  // `undefined` is not written; what is optional is looked at by name all the same.
  return { ...read, memory: read.memory, deadlineMs: read.deadlineMs };
}
