import { CODECS } from '../arm.js';
import type { DecisionInput } from '../decision.js';
import { POLICY_NAMES } from '../policies/registry.js';

/** A value that is not what a decision depends on, and the way to it. */
export class WrongInput extends Error {}

type Check = (value: unknown, path: string) => void;

function where(what: string, holds: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!holds(value)) throw new WrongInput(`${path} is not ${what}`);
  };
}

const number = where('a number', (value) => typeof value === 'number');
const flag = where('true or false', (value) => typeof value === 'boolean');
const oneOf = (words: readonly string[]) =>
  where(`one of ${words.join(', ')}`, (value) => words.includes(String(value)));
const orAbsent =
  (check: Check): Check =>
  (value, path) => {
    if (value !== undefined && value !== null) check(value, path);
  };

function listOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw new WrongInput(`${path} is not a list`);
    for (const [index, item] of value.entries()) check(item, `${path}.${index}`);
  };
}

function objectOf(checks: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new WrongInput(`${path} is not an object`);
    }
    const given = new Map(Object.entries(value));
    for (const [key, check] of Object.entries(checks)) check(given.get(key), `${path}.${key}`);
  };
}

const arm = objectOf({
  cut: number,
  codec: oneOf(CODECS),
  headMs: number,
  tailMs: number,
  bytesUp: number,
  bytesDown: number,
  encodeMs: orAbsent(number),
  decodeMs: orAbsent(number),
  usesEdge: flag,
  isPrefix: flag,
  accuracyDrop: orAbsent(number),
});
const factors = objectOf({ head: number, tail: number, bytes: number, encode: number, decode: number, runs: number });
const estimate = objectOf({ value: number, ageMs: number, confident: flag, uncertainty: number });
const conditions = objectOf({
  connected: flag,
  uplink: estimate,
  downlink: estimate,
  fixedMs: estimate,
  slowStartMs: number,
  queueMs: estimate,
  announcedMs: number,
  busy: number,
  residualMs: number,
  k: estimate,
  kWithQueue: estimate,
  gpuUtilisation: orAbsent(number),
  d: estimate,
  overheadMs: estimate,
  ahead: orAbsent(objectOf({ headMs: number, pictureMs: number, tailMs: number })),
});
const memory = objectOf({
  steadiness: objectOf({ owedMs: number, restless: number }),
  exploration: objectOf({ creditMs: number }),
  chosen: number,
  wish: number,
  forcedCut: orAbsent(number),
  policy: oneOf(POLICY_NAMES),
  ready: listOf(number),
  conditions,
  adopted: conditions,
  unmeasured: number,
});
const input = objectOf({
  arms: listOf(arm),
  ready: listOf(number),
  factors: listOf(factors),
  longestHeadMs: number,
  conditions,
  edgeFailed: flag,
  policy: oneOf(POLICY_NAMES),
  constraints: objectOf({
    maxAccuracyDrop: orAbsent(number),
    deadlineMs: orAbsent(number),
    codecs: orAbsent(listOf(oneOf(CODECS))),
  }),
  objective: oneOf(['latency', 'throughput']),
  uplinkAllowance: number,
  explorationBudget: number,
  risk: number,
  clients: number,
  requestRate: number,
  policyState: listOf(number),
  deadlineMs: orAbsent(number),
  forcedCut: orAbsent(number),
  forcedCodec: orAbsent(oneOf(CODECS)),
  memory: orAbsent(memory),
  seed: number,
  nowMs: number,
});

/** @throws WrongInput */
export function checkInput(value: unknown, path: string): DecisionInput {
  input(value, path);
  // It was looked at key by key.
  const read = value as DecisionInput;
  // `undefined` is not written; what is optional is looked at by name all the same.
  return { ...read, memory: read.memory, deadlineMs: read.deadlineMs };
}
