import { describe, expect, it } from 'vitest';
import { lineChart } from './charts.js';
import { element } from './markup.js';
import { linearScale, logScale } from './scale.js';

describe('scales', () => {
  it('map ranges to places, with round ticks', () => {
    const { at, ticks } = linearScale([0, 97], [10, 110]);
    expect(at(0)).toBe(10);
    expect(at(97)).toBe(110);
    expect(ticks).toEqual([0, 20, 40, 60, 80]);
    const log = logScale([1, 1_000], [0, 300]);
    expect(log.at(10)).toBeCloseTo(100);
    expect(log.ticks).toEqual([1, 10, 100, 1_000]);
  });
});

describe('element', () => {
  it('escapes what it is given', () => {
    expect(element('text', { 'aria-label': 'a "b" <c>' }, 'x')).toBe(
      '<text aria-label="a &quot;b&quot; &lt;c&gt;">x</text>',
    );
  });
});

describe('lineChart', () => {
  it('draws a path for each series, within its frame', () => {
    const chart = lineChart(
      [
        {
          name: 'cutpoint',
          points: [
            [0, 0],
            [5, 200],
          ],
        },
      ],
      {
        title: 'some',
        x: { label: 'x', range: [0, 10] },
        y: { label: 'y', range: [0, 100] },
      },
    );
    expect(chart.match(/<path/g)).toHaveLength(1);
    expect(chart).toContain('line c-cutpoint');
    expect(chart).not.toContain('NaN');
    expect(chart).toContain('M48.0 176.0L188.0 22.0');
  });
});
