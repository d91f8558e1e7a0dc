import { beforeEach, describe, expect, it } from 'vitest';
import { Outbox, type OutboxSocket } from './outbox.js';

const MIB = 1024 * 1024;

/** A socket of which the test says what its other end has read. */
class TestSocket implements OutboxSocket {
  bufferedAmount = 0;
  isPaused = false;
  closed: string | undefined;
  #sent: { numBytes: number; readonly done: (() => void) | undefined }[] = [];

  send(data: string | Uint8Array, done?: () => void): void {
    this.bufferedAmount += data.length;
    this.#sent.push({ numBytes: data.length, done });
  }

  /** Of what was sent, in order; a message is done when the last of it is read. */
  read(numBytes: number): void {
    this.bufferedAmount -= numBytes;
    for (let left = numBytes; left > 0; ) {
      const [first] = this.#sent;
      if (first === undefined) throw new Error('so much was not sent');
      const taken = Math.min(left, first.numBytes);
      left -= taken;
      first.numBytes -= taken;
      if (first.numBytes > 0) return;
      this.#sent.shift();
      first.done?.();
    }
  }

  close(_: number, reason: string): void {
    this.closed = reason;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }
}

describe('a client that reads slowly', () => {
  let nowMs = 0;
  let socket: TestSocket;
  let outbox: Outbox;
  let written = 0;
  beforeEach(() => {
    nowMs = 1_000;
    written = 0;
    socket = new TestSocket();
    const tcp = { cork: () => undefined, uncork: () => undefined };
    outbox = new Outbox(socket, tcp, { clock: () => nowMs, stallMs: 30_000 });
    outbox.result(
      '{}',
      Array.from({ length: 80 }, () => new Uint8Array(MIB / 16)),
      () => {
        written += 1;
      },
    );
  });

  it('is not read itself until it has caught up', () => {
    expect([socket.isPaused, outbox.isPaused, outbox.isCongested]).toEqual([true, true, true]);
    socket.read(2 * MIB);
    expect(socket.isPaused).toBe(true);
    socket.read(2.5 * MIB);
    expect([socket.isPaused, outbox.isPaused, outbox.isCongested]).toEqual([false, false, false]);
    expect(written, 'not all of it is on its way').toBe(0);
    socket.read(0.5 * MIB + 2);
    expect(written).toBe(1);
  });

  it('is given up when it reads nothing at all for half a minute, and not while it reads a little', () => {
    expect(outbox.isStalled(nowMs + 29_000)).toBe(false);
    socket.read(1_000);
    expect(outbox.isStalled(nowMs + 31_000), 'it has read').toBe(false);
    expect(outbox.isStalled(nowMs + 60_000)).toBe(false);
    expect(outbox.isStalled(nowMs + 62_000)).toBe(true);
  });

  it('hears why, although it is not read', () => {
    outbox.close(1008, 'slow_reader');
    expect([socket.closed, socket.isPaused]).toEqual(['slow_reader', false]);
  });
});
