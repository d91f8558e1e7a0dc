import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Controller } from '../controller.js';
import { POLICY_NAMES, type PolicyName } from '../policies/registry.js';
import { shrinkingNetwork } from '../testing/arms.js';
import { readRecording, replayRecording } from './recording.js';
import { RecordingWriter } from './recording-writer.js';
import { readValue, readValues, ValueWriter } from './shared-values.js';

const arms = shrinkingNetwork();
const AT = '2026-01-01T00:00:00.000Z';

interface Moment {
  readonly uplink: number;
  readonly queueMs: number;
  readonly cut: number;
}

/** A session of as many decisions as there are moments. */
function recorded(policy: PolicyName, moments: readonly Moment[], writer = new RecordingWriter(AT)): RecordingWriter {
  const controller = new Controller(arms, { policy, seed: 3 });
  controller.observeConnection(true);
  for (const { cut } of arms) controller.setReady(cut, true);
  for (const [index, { uplink, queueMs, cut }] of moments.entries()) {
    const atMs = 400 * index;
    const plan = controller.decide(atMs);
    const input = controller.lastInput ?? expect.fail('nothing was decided');
    writer.decided('net', 'pixels', plan, input);
    writer.traced(plan, { totalMs: 10 + index });
    controller.observeTransfer('up', { numBytes: 40_000, spanMs: 40_000 / uplink, idleMs: 300 }, atMs + 100);
    controller.observeRoundTrip(20, atMs + 100);
    controller.observeHead(cut, 30, atMs + 100);
    controller.observeTail(cut, 10, atMs + 100);
    controller.observeLoad({ queueMs, k: 1 + queueMs / 100 }, atMs + 100);
  }
  return writer;
}

/** A link that falls to a trickle, and a queue that comes and goes. */
const CHANGING = Array.from(
  { length: 30 },
  (_, index): Moment => ({
    uplink: index < 15 ? 4_000 : 40,
    queueMs: index % 10 < 5 ? 0 : 300,
    cut: 4,
  }),
);

describe('a recording', () => {
  it('gives the same decisions, whatever happened and by whatever policy', () => {
    const moment = fc.record({
      uplink: fc.double({ min: 5, max: 50_000, noNaN: true }),
      queueMs: fc.double({ min: 0, max: 900, noNaN: true }),
      cut: fc.nat(10),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...POLICY_NAMES),
        fc.array(moment, { minLength: 1, maxLength: 25 }),
        (policy, moments) => {
          const read = readRecording(recorded(policy, moments).text());
          expect(read.decisions).toHaveLength(moments.length);
          expect(read.traces.map(({ decision, figures }) => [decision, figures.totalMs])).toEqual(
            moments.map((_, index) => [index, 10 + index]),
          );
          expect(replayRecording(read).map(({ difference }) => difference)).toEqual(moments.map(() => undefined));
        },
      ),
      { numRuns: 40 },
    );
  });

  it('of conditions that change has several cuts, and is a fraction of what its decisions depend on', () => {
    const text = recorded('cutpoint', CHANGING).text();
    const { decisions } = readRecording(text);
    expect(new Set(decisions.map(({ decided }) => decided.cut)).size).toBeGreaterThan(1);
    const whole = decisions.reduce((sum, { input }) => sum + JSON.stringify(input).length, 0);
    expect(text.length).toBeLessThan(whole / 3);
  });

  it('that was tampered with differs where it was', () => {
    const text = recorded('cutpoint', CHANGING).text();
    const file = JSON.parse(text) as { decisions: { cut: number; input: string }[]; values: Record<string, unknown>[] };
    const seventh = file.decisions[6] ?? expect.fail('too short');
    seventh.cut += 1;
    const differs = (changed: unknown) =>
      replayRecording(readRecording(JSON.stringify(changed))).flatMap(({ difference }, index) =>
        difference === undefined ? [] : [{ index, difference }],
      );
    expect(differs(file)).toEqual([{ index: 6, difference: expect.stringMatching(/^cut \d+, f32 is recorded; cut/) }]);

    const other = JSON.parse(text) as typeof file;
    const input = other.values[Number(other.decisions[6]?.input.slice(1))] ?? expect.fail('no input');
    input.risk = 3;
    input.longestHeadMs = 0;
    input.policy = 'local';
    expect(differs(other).map(({ index }) => index)).toEqual([6]);
  });

  it('takes no more than its limit, and says so', () => {
    const writer = recorded('cutpoint', CHANGING, new RecordingWriter(AT, { maxBytes: 9_000 }));
    expect(writer.isFull).toBe(true);
    const read = readRecording(writer.text());
    expect(read.isCutShort).toBe(true);
    expect(read.decisions.length).toBeLessThan(CHANGING.length);
    expect(replayRecording(read).every(({ difference }) => difference === undefined)).toBe(true);
    expect(writer.text().length).toBeLessThan(20_000);
  });
});

describe('what is no recording', () => {
  const whole = () =>
    JSON.parse(recorded('cutpoint', CHANGING.slice(0, 3)).text()) as {
      format: string;
      values: unknown[];
      decisions: Record<string, unknown>[];
      traces: Record<string, unknown>[];
    };
  const changed = (change: (file: ReturnType<typeof whole>) => void): string => {
    const file = whole();
    change(file);
    return JSON.stringify(file);
  };

  it.each<[string, string, RegExp]>([
    ['text', 'hello', /it is no JSON/],
    ['half of one', JSON.stringify(whole()).slice(0, 900), /it is no JSON/],
    [
      'JSON of something else',
      '{"format":"cutpoint.cuts.v1"}',
      /format is "cutpoint.cuts.v1"; cutpoint.recording.v2, cutpoint.recording.v1 are read/,
    ],
    ['a list', '[]', /the file is not an object/],
    ['without its values', changed((file) => Object.assign(file, { values: undefined })), /values is not a list/],
    [
      'with a value that is not there',
      changed((file) => Object.assign(file.decisions[1] ?? {}, { input: '#99999' })),
      /#99999/,
    ],
    [
      'with an input that is none',
      changed((file) => Object.assign(file.decisions[1] ?? {}, { input: 5 })),
      /decisions\.1\.input is not an object/,
    ],
    ['with values shifted', changed((file) => file.values.shift()), /names no value before it|is not/],
    [
      'with a trace of nothing',
      changed((file) => Object.assign(file.traces[0] ?? {}, { decision: 77 })),
      /traces\.0\.decision is none of the 3/,
    ],
  ])('is refused with what is wrong: %s', (_what, text, message) => {
    expect(() => readRecording(text)).toThrow(
      expect.objectContaining({ code: 'bad_recording', message: expect.stringMatching(message) }),
    );
  });

  it('never brings about anything but that refusal, whatever is changed in it', () => {
    const text = JSON.stringify(whole());
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom('0', '"', '#', '9', '-', '}', 'e'), (at, letter) => {
        try {
          replayRecording(readRecording(text.slice(0, at) + letter + text.slice(at + 1)));
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad_recording' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

it('shared values come back as they were, each written once', () => {
  fc.assert(
    fc.property(fc.anything({ maxDepth: 3, withNullPrototype: false }), (anything) => {
      const json: unknown = JSON.parse(JSON.stringify([anything, '#1', '##', Number.MAX_VALUE]) ?? 'null');
      const writer = new ValueWriter();
      const written = writer.write([json, json, Number.POSITIVE_INFINITY]);
      const values = readValues(JSON.parse(`[${writer.values.join(',')}]`) as unknown[]);
      expect(readValue(written, values)).toEqual([json, json, Number.POSITIVE_INFINITY]);
      expect(new Set(writer.values).size).toBe(writer.values.length);
    }),
  );
});
