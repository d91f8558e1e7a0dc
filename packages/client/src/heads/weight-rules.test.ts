import { describe, expect, it } from 'vitest';
import { type NetworkInformation, weightRules } from './weight-rules.js';

const rulesOn = (network: NetworkInformation | undefined, options: Parameters<typeof weightRules>[0] = {}) => {
  const rules = weightRules(options, () => network);
  return { maxBytes: rules.maxBytes(), rescue: rules.fetchesForRescue() };
};

describe('what may be downloaded', () => {
  it.each([
    ['nothing is known', undefined, { maxBytes: Number.POSITIVE_INFINITY, rescue: true }],
    ['the link is fast', { effectiveType: '4g', type: 'wifi', saveData: false }, { maxBytes: Infinity, rescue: true }],
    ['the user saves data', { saveData: true, effectiveType: '4g' }, { maxBytes: 0, rescue: false }],
    ['the link is cellular', { type: 'cellular', effectiveType: '4g' }, { maxBytes: Infinity, rescue: false }],
    ['the link is slow', { effectiveType: '2g' }, { maxBytes: Infinity, rescue: false }],
  ])('when %s', (_what, network, expected) => {
    expect(rulesOn(network)).toEqual(expected);
  });

  it("is the app's to say", () => {
    const options = { maxWeightBytes: 1000, rescue: 'idle' } as const;
    expect(rulesOn({ saveData: true }, options)).toEqual({ maxBytes: 1000, rescue: true });
    expect(rulesOn(undefined, { rescue: 'off' }).rescue).toBe(false);
  });

  it('follows the connection', () => {
    let network: NetworkInformation = {};
    const rules = weightRules({}, () => network);
    expect(rules.fetchesForRescue()).toBe(true);
    network = { saveData: true };
    expect(rules.fetchesForRescue()).toBe(false);
  });
});
