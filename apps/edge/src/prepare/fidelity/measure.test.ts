import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createNodeRuntime } from '../../ort/runtime.js';
import { outlierOnnx } from '../../testing/outlier-onnx.js';
import { randomFeeds } from '../random-feeds.js';
import { measureFidelity, type TriedCut } from './measure.js';

const DIMS = [1, 64];
const dir = mkdtempSync(join(tmpdir(), 'cutpoint-measure-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const files = outlierOnnx({ dims: DIMS, hasOutlier: false });
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(dir, name), bytes);
const wholeGraph = files['model.onnx'] ?? new Uint8Array();

const input = { name: 'x', type: 'float32', dims: DIMS } as const;
/** The same cut several times over: only how many are tried matters here. */
const cuts = Array.from({ length: 5 }, (): TriedCut => {
  return { headGraph: null, tailGraph: wholeGraph, crossing: [{ ...input, dims: [...DIMS] }], codecs: ['u8'] };
});

/** Measures while each look at the clock finds that `stepMs` passed. */
function measure(stepMs: number, budgetMs: number) {
  let atMs = 0;
  return measureFidelity(cuts, {
    runtime: createNodeRuntime({ dir, threads: 1 }),
    wholeGraph,
    inputs: {
      kind: 'noise',
      feeds: (index) => randomFeeds([{ ...input, numBytes: 0, dynamic: false }], index),
    },
    answers: undefined,
    budgetMs,
    nowMs: () => {
      atMs += stepMs;
      return atMs;
    },
  });
}

describe('trying codecs', () => {
  it('takes many inputs and all cuts when there is time', async () => {
    const { byCut } = await measure(0.01, 1000);
    expect(byCut.size).toBe(cuts.length);
    expect([...byCut.values()].map(([u8]) => u8?.inputs)).toEqual(cuts.map(() => 32));
  });

  it('takes fewer inputs when the network is slow, so that all cuts get their turn', async () => {
    const { byCut } = await measure(10, 500);
    expect(byCut.size).toBe(cuts.length);
    expect(byCut.get(cuts[0] as TriedCut)?.[0]?.inputs).toBe(4);
  });

  it('stops when the time is over, but not before the first cut', async () => {
    const { byCut, calibration } = await measure(100, 1);
    expect([...byCut.keys()]).toEqual(cuts.slice(0, 1));
    expect(byCut.get(cuts[0] as TriedCut)?.[0]?.inputs).toBe(2);
    expect(calibration).toEqual({ metric: 'relative-error', inputs: 'noise' });
  });

  it('gives the same figures every time', async () => {
    const figures = async () => [...(await measure(0.01, 1000)).byCut.values()];
    expect(await figures()).toEqual(await figures());
  });
});
