import { beforeAll, expect, test } from 'vitest';
import type { OrtDevice, RunnableGraph } from '../ort/device.js';
import { parseProfile } from '../policies/profile-file.js';
import { chooseCuts } from './choose-cuts.js';
import { type PreparedNetwork, prepareNetwork } from './prepared-network.js';
import { fileText, profileOf } from './profile-content.js';
import { proposedCuts } from './proposed-cuts.js';
import { type TimedCut, timeCuts } from './time-cuts.js';

/** A device of which every run takes as many ms as the graph has KB. */
class SteadyDevice implements OrtDevice {
  readonly label = 'steady';
  readonly asked: string[][] = [];

  async time(graph: RunnableGraph, feeds: Parameters<OrtDevice['time']>[1], { runs }: { readonly runs: number }) {
    this.asked.push(Object.keys(feeds));
    return Array.from({ length: runs }, () => graph.bytes.byteLength / 1000);
  }

  async profile(): Promise<never> {
    throw new Error('not asked for');
  }
}

let network: PreparedNetwork;
let timed: readonly TimedCut[];
const device = new SteadyDevice();
const edge = new SteadyDevice();

beforeAll(async () => {
  network = await prepareNetwork('squeezenet');
  const cuts = chooseCuts(network.cuts, { proposed: proposedCuts(network, 16), least: 12, most: 18 });
  timed = await timeCuts(network, cuts, { device, edge });
});

function content() {
  return profileOf({
    network,
    timed,
    machine: { cpu: 'made up', loadAverage: [0.5, 1.25] },
    date: '2026-11-23T12:00:00.000Z',
    browser: 'none',
    input: {
      pixels: [224, 224],
      u8Bytes: 150_528,
      jpegBytes: 14_000,
      jpegEncodeMs: 1.23456,
      jpegDecodeMs: 1,
      webpBytes: 11_000,
      webpEncodeMs: 10,
      webpDecodeMs: 3,
    },
    codecs: { f16EncodeMsPerMB: 4, f16DecodeMsPerMB: 1, u8EncodeMsPerMB: 1, u8DecodeMsPerMB: 1 },
  });
}

test('what is written is what the simulator reads', () => {
  const { cuts, wholeNodes } = parseProfile(JSON.parse(fileText(content())), 'squeezenet');
  expect(cuts.length).toBeGreaterThanOrEqual(12);
  expect(cuts[0]).toMatchObject({
    id: 0,
    headMs: 0,
    bytesUp: 602_112,
    floatBytes: 602_112,
    bytesDown: 4_000,
    sendsInput: true,
  });
  expect(cuts.find(({ tailNodes }) => tailNodes === 0)).toMatchObject({
    id: wholeNodes,
    tailMs: 0,
    bytesUp: 0,
    bytesDown: 0,
    sendsInput: false,
  });
  for (const { headNodes, tailNodes } of cuts) expect(headNodes + tailNodes).toBe(wholeNodes);
  expect(cuts.filter(({ sendsInput }) => sendsInput)).toHaveLength(1);
});

test('heads are fed the input, tails what crosses, and empty ones are not run', () => {
  expect(new Set(device.asked.flat())).toEqual(new Set(['input']));
  const [offload] = timed;
  expect(offload?.head.runs).toBe(0);
  expect(timed.find(({ cut }) => cut.tailOutputs.length === 0)?.tail.runs).toBe(0);
  for (const { cut } of timed) if (cut.crossing.length > 0) expect(edge.asked).toContainEqual([...cut.crossing]);
});

test('lists of numbers stand on one line', () => {
  const text = fileText(content());
  expect(text).toContain('"pixels": [224, 224]');
  expect(text).toContain('"loadAverage": [0.5, 1.25]');
  expect(text).toContain('"jpegEncodeMs": 1.235');
});
