import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CutTable,
  closeCodeOf,
  type InferMessage,
  ProtocolError,
  parseClientMessage,
  parseCutTable,
  parseEdgeMessage,
  parseManifest,
} from './index.js';

const infer: InferMessage = {
  type: 'infer',
  id: 3,
  model: 'squeezenet',
  table: 'a'.repeat(64),
  cut: 4,
  tensors: [{ name: 'x', type: 'float32', dims: [1, 2], codec: 'raw', numBytes: 8 }],
  numBytes: 8,
  deadlineMs: 100,
};

function code(value: unknown): string | undefined {
  return value instanceof ProtocolError ? value.code : undefined;
}

describe('messages of a client', () => {
  it('that are right are read as they are', () => {
    expect(parseClientMessage(JSON.stringify(infer))).toEqual(infer);
    expect(parseClientMessage('{"type":"cancel","id":0}')).toEqual({ type: 'cancel', id: 0 });
    const reserve = { type: 'reserve', id: 7, model: 'm', table: 'a'.repeat(64), cut: 3 };
    expect(parseClientMessage(JSON.stringify(reserve))).toEqual(reserve);
  });

  it('may name a span of their client, and are read without it when that is no text, or longer than any version has', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const read = (value: unknown) => parseClientMessage(JSON.stringify({ ...infer, traceparent: value }));
    expect(read(traceparent)).toEqual({ ...infer, traceparent });
    for (const wrong of [7, null, {}, [traceparent], 'x'.repeat(257)]) expect(read(wrong)).toEqual(infer);
  });

  it.each([
    ['nothing', '', 'bad_json'],
    ['half an object', '{"type":"ping"', 'bad_json'],
    ['a number', '7', 'bad_message'],
    ['null', 'null', 'bad_message'],
    ['an array', '[]', 'bad_message'],
    ['an unknown type', '{"type":"hello"}', 'bad_message'],
    ['no id', '{"type":"ping"}', 'bad_message'],
    ['a negative id', '{"type":"ping","id":-1}', 'bad_message'],
    ['an id above u32', '{"type":"ping","id":4294967296}', 'bad_message'],
    ['a fraction for an id', '{"type":"ping","id":1.5}', 'bad_message'],
    ['a text for an id', '{"type":"ping","id":"1"}', 'bad_message'],
    ['a table that is no hash', JSON.stringify({ ...infer, table: '../../etc/passwd' }), 'bad_message'],
    ['a negative size', JSON.stringify({ ...infer, numBytes: -8 }), 'bad_message'],
    ['a deadline that is infinite', JSON.stringify({ ...infer }).replace('100', '1e999'), 'bad_message'],
    ['a message above 64 KiB', `{"type":"ping","id":1,"x":"${'x'.repeat(70_000)}"}`, 'frame_too_large'],
    [
      'an unknown tensor type',
      JSON.stringify({ ...infer, tensors: [{ ...infer.tensors[0], type: 'string' }] }),
      'bad_message',
    ],
    ['an unknown codec', JSON.stringify({ ...infer, tensors: [{ ...infer.tensors[0], codec: 'zip' }] }), 'bad_message'],
    [
      'a negative dimension',
      JSON.stringify({ ...infer, tensors: [{ ...infer.tensors[0], dims: [-1, -2] }] }),
      'bad_message',
    ],
  ])('with %s get a code', (_, text, expected) => {
    expect(code(parseClientMessage(text))).toBe(expected);
  });

  it('say where they are wrong', () => {
    const parsed = parseClientMessage(JSON.stringify({ ...infer, cut: 'four' }));
    expect(parsed).toMatchObject({ code: 'bad_message', message: expect.stringMatching(/^cut: /) });
  });

  it('never throw, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const parsed = parseClientMessage(text);
          const other = parseEdgeMessage(text);
          expect(parsed instanceof ProtocolError || typeof parsed.type === 'string').toBe(true);
          expect(other instanceof ProtocolError || typeof other.type === 'string').toBe(true);
        },
      ),
    );
  });

  it('with any field replaced by anything are read right or refused', () => {
    const keys = Object.keys(infer);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
        const parsed = parseClientMessage(JSON.stringify({ ...infer, [key]: value }));
        if (parsed instanceof ProtocolError) expect(parsed.code).toBe('bad_message');
      }),
    );
  });
});

describe('documents', () => {
  const table: CutTable = {
    format: 'cutpoint.cuts.v1',
    model: 'm',
    variant: 'v',
    tensors: [{ name: 'x', type: 'float32', dims: [1] }],
    nodes: [],
    cuts: [
      {
        id: 0,
        headNodes: 0,
        crossing: [0],
        headOutputs: [],
        tailOutputs: ['y'],
        headGraph: null,
        tailGraph: 'b'.repeat(64),
        headPacks: [],
        bytesUp: 4,
        bytesDown: 4,
        headFlops: 0,
        headMs: 0,
        tailMs: 1,
        timed: true,
      },
    ],
    profile: { machine: 'm', provider: 'cpu', threads: 1 },
  };

  it('of cuts are read, and refused when they name a tensor that is not there or a cut twice', () => {
    expect(parseCutTable(table)).toEqual(table);
    expect(code(parseCutTable({ ...table, tensors: [] }))).toBe('bad_message');
    expect(code(parseCutTable({ ...table, cuts: [...table.cuts, ...table.cuts] }))).toBe('bad_message');
  });

  it('of cuts say what codecs cost, as shares; codecs that nobody knows yet do not break them', () => {
    const u8 = { codec: 'u8', drop: 0.01, worst: 1, inputs: 30 };
    const withFidelity = (...fidelity: object[]) => ({
      ...table,
      cuts: table.cuts.map((cut) => ({ ...cut, fidelity })),
      calibration: { metric: 'top-1', inputs: 'pictures' },
    });
    const known = withFidelity(u8, { ...u8, codec: 'u4' });
    expect(parseCutTable(known)).toEqual(known);
    for (const wrong of [{ drop: 1.5 }, { drop: -0.1 }, { worst: Number.NaN }, { inputs: 0.5 }]) {
      expect(code(parseCutTable(withFidelity({ ...u8, ...wrong })))).toBe('bad_message');
    }
  });

  it('that are something else are refused', () => {
    for (const value of [undefined, null, {}, { format: 'cutpoint.manifest.v2' }]) {
      expect(code(parseManifest(value))).toBe('bad_message');
    }
  });
});

describe('a protocol error', () => {
  it('has a code that its connection closes with', () => {
    const codes = (['bad_offset', 'frame_too_large', 'duplicate_id'] as const).map(
      (code) => new ProtocolError(code, ''),
    );
    expect(codes.map(closeCodeOf)).toEqual([1002, 1009, 1008]);
  });
});
