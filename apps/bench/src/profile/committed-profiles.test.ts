import { benchmarkNetworks } from '@cutpoint/onnx';
import { describe, expect, test } from 'vitest';
import { profiledNetworks, readProfiles } from '../policies/profile-file.js';
import { stepsBack } from './monotony.js';

/** Wider than what is timed again: cuts inside a fusion, and busy machines, give times that are really out of order. */
const TOLERANCE = { share: 0.25, ms: 2 };

test('every benchmark network has a profile', () => {
  expect(profiledNetworks()).toEqual(expect.arrayContaining(Object.keys(benchmarkNetworks)));
});

describe.each(readProfiles(Object.keys(benchmarkNetworks)))('the profile of $network', (profile) => {
  const { network, cuts, wholeNodes, input } = profile;
  const prefixes = cuts.filter(({ isPrefix }) => isPrefix);

  test('is of the network that it names', () => {
    const [, , height, width] = Object.values(benchmarkNetworks).find(({ name }) => name === network)?.input.dims ?? [];
    expect(input.pixels).toEqual([height, width]);
    expect(cuts[0]?.bytesUp).toBe(4 * input.u8Bytes);
  });

  test('has enough cuts, all of them timed', () => {
    expect(cuts.length).toBeGreaterThanOrEqual(12);
    expect(cuts.length).toBeLessThanOrEqual(24);
    expect(cuts.every(({ timed }) => timed)).toBe(true);
    expect(cuts.map(({ id }) => id)).toEqual(cuts.map(({ id }) => id).toSorted((a, b) => a - b));
  });

  test('gives an empty head or tail no time, and no other', () => {
    for (const { headNodes, tailNodes, headMs, tailMs, bytesUp } of cuts) {
      expect(headNodes + tailNodes).toBe(wholeNodes);
      expect(headMs > 0).toBe(headNodes > 0);
      expect(tailMs > 0).toBe(tailNodes > 0);
      expect(bytesUp > 0).toBe(tailNodes > 0);
    }
  });

  test('has heads that grow with depth, and tails that shrink', () => {
    const out = (times: readonly number[]) => stepsBack(times, TOLERANCE);
    expect(out(prefixes.map(({ headMs }) => headMs))).toEqual([]);
    expect(out(prefixes.map(({ tailMs }) => tailMs).toReversed())).toEqual([]);
    expect(prefixes.map(({ headFlops }) => headFlops)).toEqual(
      prefixes.map(({ headFlops }) => headFlops).toSorted((a, b) => a - b),
    );
  });

  test('compresses pictures', () => {
    expect(input.jpegBytes).toBeLessThan(input.u8Bytes / 4);
    expect(input.webpBytes).toBeLessThan(input.u8Bytes / 4);
  });
});
