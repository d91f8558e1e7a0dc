import { describe, expect, it } from 'vitest';
import { LinkState } from './link-state.js';
import { afterIdle } from './testing/slow-sender.js';

function stateWith(agoMs: number): LinkState {
  const link = new LinkState();
  link.fixed.observe(80, 0);
  link.observe('up', { ...afterIdle(60_000, 80, 1_000), agoMs }, 1_000);
  return link;
}

describe('slow start', () => {
  it('is not paid while the sending window is open', () => {
    expect(stateWith(0).slowStartMs(1_000)).toBe(0);
    expect(stateWith(0).slowStartMs(1_270)).toBe(0);
    expect(stateWith(0).slowStartMs(1_300)).toBe(80);
  });

  it('is paid right after an answer that was long in coming: nothing was sent meanwhile', () => {
    expect(stateWith(400).slowStartMs(1_000)).toBe(80);
    expect(stateWith(200).slowStartMs(1_000)).toBe(0);
  });

  it('is paid after a transfer that fits into the first window, which opens it for nobody', () => {
    const link = new LinkState();
    link.fixed.observe(80, 0);
    link.observe('up', { ...afterIdle(8_000, 80, 1_000), agoMs: 0 }, 1_000);
    expect(link.slowStartMs(1_000)).toBe(80);
  });
});
