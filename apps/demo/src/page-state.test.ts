import { describe, expect, it } from 'vitest';
import { DEFAULT_STATE, formatState, type PageState, parseState } from './page-state.js';

describe('the address', () => {
  it('is bare for the default, and the default is read from a bare address', () => {
    expect(formatState(DEFAULT_STATE)).toBe('');
    expect(parseState('')).toEqual(DEFAULT_STATE);
  });

  it('comes back as it went', () => {
    const state: PageState = {
      model: 'squeezenet',
      policy: 'loadpart',
      cuts: [undefined, 50],
      linkMbit: 4,
      roundTripMs: 20,
      pacedBy: 'edge',
      cutOff: false,
      device: 'wasm',
      sample: 'board',
      repeat: true,
    };
    expect(formatState(state)).toBe(
      '?model=squeezenet&policy=loadpart&cut=,50&link=4&rtt=20&by=edge&device=wasm&sample=board&repeat=1',
    );
    expect(parseState(formatState(state))).toEqual(state);
  });

  it('names a forced cut by its place among the networks, and no free one after it', () => {
    expect(formatState({ ...DEFAULT_STATE, cuts: [288, undefined] })).toBe('?cut=288');
    expect(formatState({ ...DEFAULT_STATE, cuts: [undefined, undefined] })).toBe('');
  });

  it('takes what the page does not offer for the default', () => {
    expect(parseState('?policy=best&link=3&rtt=-1&device=gpu&cut=x,-4,1e9&repeat=yes')).toEqual({
      ...DEFAULT_STATE,
      cuts: [undefined, undefined, undefined],
    });
  });

  it('keeps a model that it does not know, so that the page can say so', () => {
    expect(parseState('?model=no-such').model).toBe('no-such');
  });
});
