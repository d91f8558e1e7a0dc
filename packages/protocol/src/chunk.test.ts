import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHUNK_HEADER_BYTES,
  chunkBytesFor,
  chunksOf,
  decodeChunk,
  MAX_CHUNK_BYTES,
  MAX_FRAME_BYTES,
  PayloadAssembler,
  ProtocolError,
} from './index.js';

function chunk(frame: Uint8Array) {
  const decoded = decodeChunk(frame);
  if (decoded instanceof ProtocolError) throw decoded;
  return decoded;
}

function code(value: unknown): string | undefined {
  return value instanceof ProtocolError ? value.code : undefined;
}

const parts = fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 5 });
const id = fc.integer({ min: 0, max: 0xffff_ffff });

describe('chunks', () => {
  it('carry any parts to the other end unchanged, in frames of at most 64 KiB', () => {
    fc.assert(
      fc.property(id, parts, (id, parts) => {
        const whole = parts.flatMap((part) => [...part]);
        const assembler = new PayloadAssembler(whole.length);
        for (const frame of chunksOf(id, parts)) {
          expect(frame.byteLength).toBeLessThanOrEqual(MAX_FRAME_BYTES);
          const received = chunk(frame);
          expect(received.id).toBe(id);
          expect(assembler.accept(received, 0)).toBeUndefined();
        }
        expect(assembler.complete).toBe(true);
        expect([...assembler.payload]).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('are at least eight from 8 KiB up, and never under 1 KiB but for the last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000_000 }), (numBytes) => {
        const step = chunkBytesFor(numBytes);
        expect(step).toBeGreaterThanOrEqual(1024);
        expect(step).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
        if (numBytes >= 8 * 1024) expect(Math.ceil(numBytes / step)).toBeGreaterThanOrEqual(8);
      }),
    );
  });

  it('are none for an empty payload, which is complete from the start', () => {
    expect([...chunksOf(1, [])]).toEqual([]);
    expect([...chunksOf(1, [new Uint8Array(0)])]).toEqual([]);
    expect(new PayloadAssembler(0).complete).toBe(true);
    expect(new PayloadAssembler(0).arrivals).toEqual({ chunks: 0, numBytes: 0, spanMs: 0 });
  });

  it('take the sizes that the caller asks for', () => {
    const frames = [...chunksOf(1, [new Uint8Array(100)], { targetChunks: 3, minBytes: 1, maxBytes: 30 })];
    expect(frames.map((frame) => frame.byteLength - CHUNK_HEADER_BYTES)).toEqual([30, 30, 30, 10]);
  });
});

describe('a frame that is wrong', () => {
  const [good = new Uint8Array()] = chunksOf(7, [new Uint8Array(100)]);
  const changed = (at: number, value: number) => {
    const frame = good.slice();
    frame[at] = value;
    return frame;
  };

  it.each([
    ['is empty', new Uint8Array(0), 'bad_frame'],
    ['is shorter than its header', good.slice(0, 15), 'bad_frame'],
    ['has an unknown kind', changed(0, 2), 'bad_frame'],
    ['has a flag', changed(1, 1), 'bad_frame'],
    ['has a reserved bit', changed(3, 1), 'bad_frame'],
    ['says more bytes than it has', changed(12, 101), 'bad_frame'],
    ['says fewer bytes than it has', changed(12, 99), 'bad_frame'],
    ['says 4 GB', changed(15, 255), 'bad_frame'],
    ['has a header and nothing else', changed(12, 0).slice(0, 16), 'bad_frame'],
    ['is above 64 KiB', new Uint8Array(MAX_FRAME_BYTES + 1), 'frame_too_large'],
  ])('because it %s is refused with a code', (_, frame, expected) => {
    expect(code(decodeChunk(frame))).toBe(expected);
  });

  it('is never taken for a chunk with bytes that it does not hold', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => {
        const decoded = decodeChunk(frame);
        if (decoded instanceof ProtocolError) return;
        expect(decoded.bytes.byteLength).toBe(frame.byteLength - CHUNK_HEADER_BYTES);
      }),
    );
  });

  it('is read right inside a larger buffer', () => {
    const pool = new Uint8Array(good.byteLength + 13);
    pool.set(good, 13);
    expect(chunk(pool.subarray(13))).toEqual(chunk(good));
  });
});

describe('the assembler', () => {
  const bytes = (length: number) => new Uint8Array(length).fill(1);

  it('refuses a gap, an overlap, a repetition and an overrun, and keeps what it had', () => {
    const assembler = new PayloadAssembler(10);
    expect(assembler.accept({ id: 1, offset: 0, bytes: bytes(4) }, 0)).toBeUndefined();
    for (const [offset, length] of [
      [5, 1],
      [3, 1],
      [0, 4],
      [4, 7],
      [0xffff_ffff, 1],
    ] as const) {
      expect(code(assembler.accept({ id: 1, offset, bytes: bytes(length) }, 1))).toBe('bad_offset');
    }
    expect(assembler.receivedBytes).toBe(4);
    expect(assembler.accept({ id: 1, offset: 4, bytes: bytes(6) }, 2)).toBeUndefined();
    expect(assembler.complete).toBe(true);
    expect(code(assembler.accept({ id: 1, offset: 10, bytes: bytes(1) }, 3))).toBe('bad_offset');
  });

  it('measures the bytes after the first chunk and the time that they took', () => {
    const assembler = new PayloadAssembler(6000);
    assembler.accept({ id: 1, offset: 0, bytes: bytes(1000) }, 100);
    assembler.accept({ id: 1, offset: 1000, bytes: bytes(4000) }, 130);
    assembler.accept({ id: 1, offset: 5000, bytes: bytes(1000) }, 150);
    expect(assembler.arrivals).toEqual({ chunks: 3, numBytes: 5000, spanMs: 50 });
  });

  it('never reports a negative time when the clock goes back', () => {
    const assembler = new PayloadAssembler(2);
    assembler.accept({ id: 1, offset: 0, bytes: bytes(1) }, 100);
    assembler.accept({ id: 1, offset: 1, bytes: bytes(1) }, 90);
    expect(assembler.arrivals.spanMs).toBe(0);
  });
});
