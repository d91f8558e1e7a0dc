import { beforeEach, describe, expect, it } from 'vitest';
import { LinkProbe } from './link-probe.js';
import { ManualClock } from './testing/manual-clock.js';
import type { ConnectionState } from './transport/connection-events.js';
import type { ProbeReply } from './transport/prober.js';

const ARRIVALS = { chunks: 4, numBytes: 3072, spanMs: 3 };

describe('the probe of the uplink', () => {
  let clock: ManualClock;
  let life: AbortController;
  let state: ConnectionState;
  let isVisible: boolean;
  let isIdle: boolean;
  let maxProbeBytes: number;
  let wanted: { numBytes: number } | undefined;
  let asked: number;
  let sent: number[];
  let answer: Promise<ProbeReply>;
  let observed: string[];
  let measured: number;
  let probe: LinkProbe;

  const controller = {
    probe: () => {
      asked += 1;
      return wanted;
    },
    observeTransfer: (direction: string, sample: { numBytes: number }) =>
      observed.push(`${direction} ${sample.numBytes}`),
    observeRoundTrip: (ms: number) => observed.push(`round trip ${ms}`),
  };
  const connection = {
    get state() {
      return state;
    },
    get isIdle() {
      return isIdle;
    },
    get maxProbeBytes() {
      return maxProbeBytes;
    },
    probe: (numBytes: number) => {
      sent.push(numBytes);
      return answer;
    },
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    }
  };

  beforeEach(() => {
    clock = new ManualClock();
    life = new AbortController();
    state = { state: 'online', reason: '' };
    isVisible = true;
    isIdle = true;
    maxProbeBytes = 65_536;
    wanted = { numBytes: 4096 };
    asked = 0;
    sent = [];
    answer = Promise.resolve({ arrivals: ARRIVALS, roundTripMs: 12 });
    observed = [];
    measured = 0;
    const onMeasured = () => {
      measured += 1;
    };
    probe = new LinkProbe({ connection, clock, isVisible: () => isVisible, onMeasured, life: life.signal });
  });

  it('is sent when the controller says so, and tells it what it showed', async () => {
    await pass(2_000);
    expect(asked, 'before the first inference there is nothing to decide').toBe(0);
    wanted = undefined;
    probe.watch(controller);
    await pass(1_000);
    expect([asked, sent]).toEqual([2, []]);
    wanted = { numBytes: 4096 };
    await pass(500);
    expect(sent).toEqual([4096]);
    expect(observed).toEqual(['round trip 12', 'up 3072']);
    expect(measured).toBe(1);
    maxProbeBytes = 1_000;
    answer = Promise.resolve({ arrivals: ARRIVALS, roundTripMs: undefined });
    await pass(500);
    expect(sent).toEqual([4096, 1_000]);
    expect(observed.slice(2)).toEqual(['up 3072']);
  });

  it('is not even thought of in a hidden page, offline, beside a request, or with an edge that knows none', async () => {
    probe.watch(controller);
    isVisible = false;
    await pass(1_000);
    isVisible = true;
    state = { state: 'offline', reason: '' };
    await pass(1_000);
    state = { state: 'online', reason: '' };
    isIdle = false;
    await pass(1_000);
    isIdle = true;
    maxProbeBytes = 0;
    await pass(1_000);
    expect(asked).toBe(0);
    maxProbeBytes = 65_536;
    await pass(500);
    expect(sent).toEqual([4096]);
  });

  it('comes one at a time, and one that fails measures nothing', async () => {
    let fail: ((error: Error) => void) | undefined;
    answer = new Promise((_, reject) => {
      fail = reject;
    });
    probe.watch(controller);
    await pass(3_000);
    expect(sent).toHaveLength(1);
    fail?.(new Error('lost'));
    await pass(1_000);
    expect(sent).toHaveLength(2);
    expect(observed).toEqual([]);
  });

  it('ends two minutes after the last inference, and with the session', async () => {
    wanted = undefined;
    probe.watch(controller);
    await pass(130_000);
    expect(asked).toBe(240);
    expect(clock.nextInMs).toBeUndefined();
    probe.watch(controller);
    await pass(500);
    expect(asked).toBe(241);
    probe.stop();
    life.abort();
    probe.watch(controller);
    await pass(5_000);
    expect(asked).toBe(241);
  });
});
