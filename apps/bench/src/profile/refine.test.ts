import { expect, test } from 'vitest';
import { parseProfile } from '../policies/profile-file.js';
import { assertComparable, refined } from './refine.js';
import type { TimedCut } from './time-cuts.js';

const ORIGIN = { cpu: 'one', browser: 'Chromium 1', edge: 'Node 1' };

function earlier(...cuts: readonly { id: number; headMs: number; tailMs: number; headFlops?: number }[]) {
  const input = { jpegBytes: 1, jpegEncodeMs: 1, jpegDecodeMs: 1, webpBytes: 1, webpEncodeMs: 1, webpDecodeMs: 1 };
  const last = cuts.length - 1;
  return parseProfile(
    {
      format: 'cutpoint.profile.v1',
      network: 'alexnet',
      trained: false,
      machine: { cpu: 'one', edge: 'Node 1' },
      date: '2026-11-23T12:00:00.000Z',
      browser: 'Chromium 1',
      head: { provider: 'wasm', threads: 1 },
      tail: { provider: 'cpu', threads: 1 },
      wholeNodes: last,
      input: { pixels: [224, 224], u8Bytes: 1, ...input },
      codecs: { f16EncodeMsPerMB: 1, f16DecodeMsPerMB: 1, u8EncodeMsPerMB: 1, u8DecodeMsPerMB: 1 },
      cuts: cuts.map((cut, index) => ({
        isPrefix: true,
        headNodes: index,
        tailNodes: last - index,
        timed: true,
        bytesUp: 1,
        bytesDown: 1,
        floatBytes: 1,
        sendsInput: false,
        headFlops: 10 * cut.id,
        tailFlops: 0,
        ...cut,
      })),
    },
    'alexnet',
  );
}

function timed(id: number, headMs: number, tailMs: number): TimedCut {
  const side = (ms: number) => ({ ms, spread: 0.1, runs: 7 });
  const nothing = { crossing: [], headOutputs: [], tailOutputs: [], bytesUp: 0, bytesDown: 0, tailFlops: 0 };
  const cut = { ...nothing, id, head: new Set<number>(), headFlops: 10 * id, headWeightBytes: 0, tailWeightBytes: 0 };
  return { cut: { ...cut, dynamic: false }, head: side(headMs), tail: side(tailMs) };
}

test('each side keeps its quicker time', () => {
  const before = earlier({ id: 0, headMs: 0, tailMs: 30 }, { id: 3, headMs: 9, tailMs: 20 });
  const [, cut] = refined([timed(0, 0, 25), timed(3, 12, 15)], before);
  expect([cut?.head.ms, cut?.tail.ms]).toEqual([9, 15]);
});

test('cuts that were not there before, or hold other work now, keep the new times', () => {
  const before = earlier({ id: 0, headMs: 0, tailMs: 30 }, { id: 3, headMs: 1, tailMs: 1, headFlops: 7 });
  const [other, added] = refined([timed(3, 12, 15), timed(4, 14, 13)], before);
  expect([other?.head.ms, other?.tail.ms, added?.head.ms, added?.tail.ms]).toEqual([12, 15, 14, 13]);
});

test.each(['cpu', 'browser', 'edge'])('times of another %s are refused', (what) => {
  const before = earlier({ id: 0, headMs: 0, tailMs: 30 }, { id: 3, headMs: 9, tailMs: 0 });
  expect(() => assertComparable(before, ORIGIN)).not.toThrow();
  expect(() => assertComparable(before, { ...ORIGIN, [what]: 'another' })).toThrow(/measure it anew/);
});
