import { expect, test } from 'vitest';
import type { Contestant } from './measure-cell.js';
import type { InferenceRecord } from './record.js';
import { errorPct, overallOf, standingOf, summaryOf } from './summary.js';
import { termErrors } from './term-errors.js';

const ZERO = { waitMs: 0, headMs: 0, encodeMs: 0, uploadMs: 0, queueMs: 0, tailMs: 0, decodeMs: 0, downloadMs: 0 };

function record(totalMs: number, predictedMs: number, part: Partial<InferenceRecord> = {}): InferenceRecord {
  return {
    atMs: 0,
    cut: 0,
    codec: 'f32',
    totalMs,
    predictedMs,
    stages: { ...ZERO, otherMs: totalMs },
    terms: { ...ZERO, fixedMs: predictedMs },
    bytesUp: 1,
    predictedBytesUp: 1,
    cause: 'steady',
    lackedHead: false,
    conditions: { uplink: 1, fixedMs: 1, slowStartMs: 0, queueMs: 0, k: 1, d: 1 },
    ...part,
  };
}

const contestant = (name: string, isFixed = false): Contestant => ({ name, isFixed, chooser: { policy: name } });

function cell(means: Readonly<Record<string, number>>, fixed: readonly string[]) {
  const standings = Object.entries(means).map(([name, ms]) =>
    standingOf(contestant(name, fixed.includes(name)), [record(ms, ms)]),
  );
  return { standings, cutpoint: [record(means.cutpoint ?? 0, 0.9 * (means.cutpoint ?? 0))] };
}

test('the error of a prediction is a share of what was measured', () => {
  expect(errorPct(record(200, 150))).toBe(25);
  expect(errorPct(record(200, 250))).toBe(25);
});

test('reductions are means over cells, positive when cutpoint is faster, the best fixed arm taken cell by cell', () => {
  const summary = summaryOf([
    cell({ cutpoint: 50, neurosurgeon: 100, loadpart: 80, local: 60, offload: 500 }, ['local', 'offload']),
    cell({ cutpoint: 90, neurosurgeon: 90, loadpart: 60, local: 400, offload: 100 }, ['local', 'offload']),
  ]);
  expect(summary).toEqual({
    cells: 2,
    medianPredictionErrorPct: 10,
    p90PredictionErrorPct: 10,
    vsNeurosurgeonMeanPct: 25,
    vsLoadpartMeanPct: -6.25,
    vsBestFixedArmMeanPct: 13.33,
  });
});

test('the order over all cells leaves out who did not run in each', () => {
  const cells = [
    cell({ cutpoint: 50, loadpart: 100, 'cut 3': 10 }, []),
    cell({ cutpoint: 60, loadpart: 120, 'cut 4': 10 }, []),
  ];
  expect(overallOf(cells.map(({ standings }) => standings))).toEqual([
    { name: 'cutpoint', meanMs: 55, cutpointFasterPct: 0 },
    { name: 'loadpart', meanMs: 110, cutpointFasterPct: 50 },
  ]);
});

test('a contestant without a single inference is in nobody’s mean', () => {
  const { standings, cutpoint } = cell({ cutpoint: 50, loadpart: 100 }, []);
  const empty = standingOf(contestant('loadpart'), []);
  expect(summaryOf([{ standings: [...standings.slice(0, 1), empty], cutpoint }]).vsLoadpartMeanPct).toBeNaN();
});

test('a standing says which arms ran, and how often a head was lacking', () => {
  const records = [record(10, 10), record(30, 30, { cut: 4, codec: 'u8', lackedHead: true })];
  expect(standingOf(contestant('cutpoint'), records)).toMatchObject({
    count: 2,
    meanMs: 20,
    lackedHeadPct: 50,
    arms: { '0/f32': 1, '4/u8': 1 },
  });
});

test('errors are told apart by term', () => {
  const stages = { ...ZERO, headMs: 12, uploadMs: 30, otherMs: 25 };
  const terms = { ...ZERO, headMs: 10, uploadMs: 34, fixedMs: 20 };
  const errors = termErrors([record(67, 64, { stages, terms })]);
  expect(errors.filter(({ biasMs }) => biasMs !== 0)).toEqual([
    { term: 'head', measuredMs: 12, predictedMs: 10, biasMs: 2, absoluteMs: 2 },
    { term: 'upload', measuredMs: 30, predictedMs: 34, biasMs: -4, absoluteMs: 4 },
    { term: 'fixed', measuredMs: 25, predictedMs: 20, biasMs: 5, absoluteMs: 5 },
  ]);
});
