import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { RequestTrace } from './request-trace.js';
import { type StagedRequest, stagesOf } from './stages.js';

/** ms as they are measured, and as they are told. */
const measured = fc.double({ min: 0, max: 200_000, noNaN: true });
const told = measured.map((ms) => Math.round(ms * 1000) / 1000);
const base = {
  model: 'tiny',
  code: 'ok',
  over: 'websocket',
  codecs: [],
  receivedBytes: 0,
  sentBytes: 0,
} as const;

function expectNested({ startUs, endUs, stages }: StagedRequest): void {
  let atUs = startUs;
  for (const stage of stages) {
    expect(stage.startUs).toBeGreaterThanOrEqual(atUs);
    expect(stage.endUs).toBeGreaterThanOrEqual(stage.startUs);
    atUs = stage.endUs;
  }
  expect(endUs).toBeGreaterThanOrEqual(atUs);
}

it('stages follow each other within their request and take what was told, whatever the clocks show and however it was rounded', () => {
  const timings = fc.record({
    uploadMs: told,
    queueMs: told,
    decodeMs: told,
    tailMs: told,
    encodeMs: told,
    totalMs: told,
  });
  fc.assert(
    fc.property(
      timings,
      measured,
      fc.double({ min: -1e6, max: 2e12, noNaN: true }),
      (timings, announcedAtMs, zeroAtMs) => {
        const { uploadMs, queueMs, decodeMs, tailMs, encodeMs } = timings;
        // Nothing else is known of when it ended: it may seem to be before its stages were over.
        const trace: RequestTrace = { ...base, timings, announcedAtMs, zeroAtMs, endedAtMs: announcedAtMs };
        const staged = stagesOf(trace);
        expectNested(staged);
        const took = staged.stages.slice(0, 5).map(({ startUs, endUs }) => endUs - startUs);
        expect(took).toEqual([uploadMs, queueMs, decodeMs, tailMs, encodeMs].map((ms) => Math.round(ms * 1000)));
      },
    ),
  );
});

it('of what has no answer they reach as far as it came, and fill its time until its tail began', () => {
  const later = fc.option(measured, { nil: undefined });
  fc.assert(
    fc.property(measured, later, later, measured, (announcedAtMs, uploadMs, queueMs, restMs) => {
      const uploadedAtMs = uploadMs === undefined ? undefined : announcedAtMs + uploadMs;
      const startedAtMs = uploadedAtMs === undefined || queueMs === undefined ? undefined : uploadedAtMs + queueMs;
      const endedAtMs = (startedAtMs ?? uploadedAtMs ?? announcedAtMs) + restMs;
      const times = { announcedAtMs, uploadedAtMs, startedAtMs, endedAtMs, zeroAtMs: 1.7e12 };
      const staged = stagesOf({ ...base, ...times, code: 'cancelled', isAdmitted: true });
      expectNested(staged);
      expect(staged.stages.map(({ name }) => name)).toEqual(uploadMs === undefined ? ['upload'] : ['upload', 'queue']);
      if (startedAtMs === undefined) expect(staged.stages.at(-1)?.endUs).toBe(staged.endUs);
    }),
  );
});
