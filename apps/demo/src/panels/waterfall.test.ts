import type { Candidate, Trace } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import { spansOf } from './waterfall.js';

const chosen: Candidate = {
  arm: { cut: 3, codec: 'f32', headMs: 9, tailMs: 20, bytesUp: 1000, bytesDown: 10, usesEdge: true, isPrefix: true },
  terms: {
    waitMs: 8,
    headMs: 10,
    encodeMs: 1,
    fixedMs: 4,
    uploadMs: 30,
    queueMs: 0,
    tailMs: 20,
    decodeMs: 2,
    downloadMs: 3,
  },
  totalMs: 78,
};
const stages = {
  resizeMs: 5,
  waitMs: 9,
  headMs: 12,
  encodeMs: 1,
  uploadMs: 28,
  queueMs: 2,
  decodeMs: 2,
  tailMs: 19,
  downloadMs: 3,
  otherMs: 6,
};
// Of a trace only its stages and its plan are drawn.
const trace = { ...stages, totalMs: 87, bytesUp: 1000, bytesDown: 10, cut: 3, plan: { chosen } } as unknown as Trace;

describe('spansOf', () => {
  const spans = spansOf(trace);

  it('lays the stages end to end, so that the last one ends with the inference', () => {
    let endMs = 0;
    for (const span of spans) {
      expect(span.startMs).toBe(endMs);
      endMs += span.ms;
    }
    expect(endMs).toBe(trace.totalMs);
  });

  it('lays what was predicted end to end too, every term once', () => {
    const predicted = spans.flatMap(({ predictedMs }) => predictedMs ?? []);
    expect(predicted.reduce((sum, ms) => sum + ms, 0)).toBe(chosen.totalMs);
  });

  it('draws no prediction where nothing was decided', () => {
    const { plan: _, ...first } = trace;
    expect(spansOf(first).filter((span) => span.predictedMs !== undefined)).toEqual([]);
  });

  it('does not draw waiting in the colour of the network', () => {
    expect(spans.filter(({ kind }) => kind === 'net').map(({ name }) => name)).toEqual(['Upload', 'Download']);
    expect(spans.find(({ name }) => name === 'Other')).toMatchObject({
      kind: 'other',
      ms: stages.otherMs,
      predictedMs: chosen.terms.fixedMs,
    });
  });

  it('names bytes where bytes travel', () => {
    expect(spans.filter(({ bytes }) => bytes !== undefined).map(({ name, bytes }) => [name, bytes])).toEqual([
      ['Upload', 1000],
      ['Download', 10],
    ]);
  });
});
