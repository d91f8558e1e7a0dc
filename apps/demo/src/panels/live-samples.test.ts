import type { LoadReport, Trace } from '@cutpoint/client';
import { describe, expect, it } from 'vitest';
import { LiveSamples, WINDOW_MS } from './live-samples.js';

const load = { queueMs: 3, k: { net: 1.5 }, cpuUtilisation: 0.4, gpuUtilisation: null } as unknown as LoadReport;
const link = { edgeUrl: 'http://edge/', uplinkBytesPerMs: 1000, uplinkAgeMs: 500, downlinkBytesPerMs: 125 };

/** Of a trace only what is plotted. */
function trace(totalMs: number, cut = 0, model = 'net'): Trace {
  return { model, cut, totalMs } as unknown as Trace;
}

function samples(): LiveSamples {
  const made = new LiveSamples();
  made.setModel('net');
  return made;
}

describe('the last minute', () => {
  it('says what is known, in the units of the plots, and null of what is not', () => {
    const live = samples();
    live.addLink(link, 0);
    live.addLoad(load, 0);
    live.take(10);
    expect(live.all[0]?.values).toEqual({
      up: 8,
      down: 1,
      queueMs: 3,
      k: 1.5,
      cpu: 0.4,
      gpu: null,
      measuredMs: null,
      predictedMs: null,
    });
  });

  it('tells a rate for as long as a transfer is fresh, each direction by its own age', () => {
    const live = samples();
    live.addLink(link, 0);
    live.take(2_400);
    expect(live.all.at(-1)?.values).toMatchObject({ up: 8, down: 1 });
    live.take(2_600);
    expect(live.all.at(-1)?.values).toMatchObject({ up: null, down: 1 });
    live.take(3_100);
    expect(live.all.at(-1)?.values).toMatchObject({ up: null, down: null });
    expect(live.latest('down')).toBeNull();
  });

  it('does not go on telling the load of an edge that is silent', () => {
    const live = samples();
    live.addLoad(load, 0);
    live.take(4_000);
    live.take(6_000);
    expect(live.all.map(({ values }) => values.queueMs)).toEqual([3, null]);
    live.addLoad(load, 6_500);
    live.take(7_000);
    expect(live.latest('queueMs')).toBe(3);
  });

  it('has each inference once, and a mark where the cut moved', () => {
    const live = samples();
    live.addTrace(trace(20));
    live.take(0);
    live.take(250);
    live.addTrace(trace(30, 7));
    live.take(500);
    expect(live.all.map(({ values, cutMoved }) => [values.measuredMs, cutMoved])).toEqual([
      [20, false],
      [null, false],
      [30, true],
    ]);
    expect(live.latest('measuredMs')).toBe(30);
    expect(live.latest('predictedMs')).toBeNull();
  });

  it('is of one network: others are not heard, and another one starts afresh', () => {
    const live = samples();
    live.addTrace(trace(20, 0, 'other'));
    live.take(0);
    expect(live.latest('measuredMs')).toBeNull();
    live.setModel('other');
    expect(live.all).toEqual([]);
    live.addTrace(trace(20, 5, 'other'));
    live.take(250);
    expect(live.all[0]).toMatchObject({ cutMoved: false, values: { measuredMs: 20 } });
  });

  it('is a minute long', () => {
    const live = samples();
    for (let atMs = 0; atMs <= WINDOW_MS + 1_000; atMs += 250) live.take(atMs);
    expect(live.all[0]?.atMs).toBe(1_000);
    expect(live.all.at(-1)?.atMs).toBe(WINDOW_MS + 1_000);
  });
});
