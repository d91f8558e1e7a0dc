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
      codec: 'u8+deflate',
      keepInputOnDevice: true,
      maxAccuracyDrop: 0.02,
      maxUplinkKBPerSecond: 200,
      deadlineMs: 500,
      linkMbit: 4,
      roundTripMs: 20,
      pacedBy: 'edge',
      cutOff: false,
      device: 'wasm',
      sample: 'board',
      repeat: true,
    };
    expect(formatState(state)).toBe(
      '?model=squeezenet&policy=loadpart&cut=,50&codec=u8%2Bdeflate&keep=1&drop=0.02&up=200&deadline=500&link=4&rtt=20&by=edge&device=wasm&sample=board&repeat=1',
    );
    expect(parseState(formatState(state))).toEqual(state);
  });

  it('names a forced cut by its place among the networks, and no free one after it', () => {
    expect(formatState({ ...DEFAULT_STATE, cuts: [288, undefined] })).toBe('?cut=288');
    expect(formatState({ ...DEFAULT_STATE, cuts: [undefined, undefined] })).toBe('');
  });

  it('takes what the page does not offer for the default', () => {
    expect(
      parseState(
        '?policy=best&link=3&rtt=-1&device=gpu&cut=x,-4,1e9&repeat=yes&codec=png&keep=yes&drop=&up=1e9&deadline=soon',
      ),
    ).toEqual({
      ...DEFAULT_STATE,
      cuts: [undefined, undefined, undefined],
    });
  });

  it('tells no accuracy to lose from any', () => {
    expect(parseState('?drop=0').maxAccuracyDrop).toBe(0);
    expect(formatState({ ...DEFAULT_STATE, maxAccuracyDrop: 0 })).toBe('?drop=0');
    expect(parseState('').maxAccuracyDrop).toBeUndefined();
  });

  it('keeps a model that it does not know, so that the page can say so', () => {
    expect(parseState('?model=no-such').model).toBe('no-such');
  });
});
