import { type AxisOptions, drawing, frameOf } from './axes.js';
import { element, escapeText } from './markup.js';

export interface Series {
  /** Also names its colour: a class of the page's style. */
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Band {
  readonly from: number;
  readonly to: number;
  readonly label: string;
}

export interface ChartOptions {
  readonly title: string;
  readonly x: AxisOptions;
  readonly y: AxisOptions;
  /** Spans of x with a name, drawn behind. */
  readonly bands?: readonly Band[];
  readonly width?: number;
  readonly height?: number;
}

export function lineChart(series: readonly Series[], options: ChartOptions): string {
  const { title, x, y, bands = [], width, height } = options;
  const frame = frameOf(title, x, y, width, height);
  const { plot } = frame;
  const backs = bands.map(({ from, to, label }, index) => {
    const [left, right] = [frame.x.at(from), frame.x.at(to)];
    const size = { x: left, y: plot.top, width: right - left, height: plot.bottom - plot.top };
    return [
      element('rect', { ...size, class: index % 2 === 0 ? 'band' : 'band other' }),
      element('text', { x: (left + right) / 2, y: plot.top + 8, class: 'tick middle small' }, escapeText(label)),
    ].join('');
  });
  const lines = series.map(({ name, points }) => {
    const path = points
      .map(([px, py], index) => `${index === 0 ? 'M' : 'L'}${frame.x.at(px).toFixed(1)} ${frame.y.at(py).toFixed(1)}`)
      .join('');
    return element('path', { d: path, class: `line ${colourOf(name)}` }, element('title', {}, escapeText(name)));
  });
  return drawing(frame, title, ...backs, frame.markup, ...lines);
}

/** Bars in groups, each with the interval of its value. */
export interface BarGroup {
  readonly name: string;
  readonly bars: readonly {
    readonly name: string;
    readonly value: number;
    readonly low?: number;
    readonly high?: number;
  }[];
}

export function barChart(groups: readonly BarGroup[], options: Omit<ChartOptions, 'x' | 'bands'>): string {
  const { title, y, width = 700, height = 240 } = options;
  const frame = frameOf(title, { label: '', range: [0, groups.length] }, y, width, height);
  const slot = (frame.plot.right - frame.plot.left) / groups.length;
  const parts = groups.map(({ name, bars }, group) => {
    const barWidth = (slot * 0.84) / bars.length;
    const left = frame.plot.left + group * slot + slot * 0.08;
    const drawn = bars.map((bar, index) => {
      const x = left + index * barWidth;
      const top = frame.y.at(bar.value);
      const middle = x + barWidth / 2 - 0.5;
      const text = `${name}, ${bar.name}: ${bar.value.toFixed(1)}`;
      return [
        element(
          'rect',
          {
            x,
            y: top,
            width: Math.max(1, barWidth - 1),
            height: frame.plot.bottom - top,
            class: `bar ${colourOf(bar.name)}`,
          },
          element('title', {}, escapeText(text)),
        ),
        bar.low === undefined || bar.high === undefined
          ? ''
          : element('line', {
              x1: middle,
              x2: middle,
              y1: frame.y.at(bar.low),
              y2: frame.y.at(bar.high),
              class: 'whisker',
            }),
      ].join('');
    });
    const label = { x: frame.plot.left + (group + 0.5) * slot, y: frame.plot.bottom + 13, class: 'tick middle' };
    return [...drawn, element('text', label, escapeText(name))].join('');
  });
  // Numbers along the groups would say nothing.
  const markup = frame.markup.replaceAll(/<text[^>]*class="tick middle"[^>]*>[^<]*<\/text>/g, '');
  return drawing(frame, title, markup, ...parts);
}

export interface HeatMap {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  /** By row, then column: 0..1, and what is written there; not a number for empty. */
  readonly values: readonly (readonly { readonly share: number; readonly text: string }[])[];
}

export function heatMap({ title, columns, rows, values }: HeatMap): string {
  const [left, top, cellWidth, cellHeight] = [64, 34, 38, 20];
  const width = left + columns.length * cellWidth + 8;
  const height = top + rows.length * cellHeight + 8;
  const cells = values.flatMap((row, at) =>
    row.map(({ share, text }, column) => {
      const [x, y] = [left + column * cellWidth, top + at * cellHeight];
      if (Number.isNaN(share)) return '';
      const box = {
        x,
        y,
        width: cellWidth - 1,
        height: cellHeight - 1,
        class: 'cell',
        style: `--share:${share.toFixed(3)}`,
      };
      const label = { x: x + cellWidth / 2, y: y + 13.5, class: `tick middle ${share > 0.55 ? 'on-dark' : ''}` };
      return element('rect', box) + element('text', label, escapeText(text));
    }),
  );
  return drawing(
    { width, height },
    title,
    element('text', { x: 2, y: 13, class: 'title' }, escapeText(title)),
    ...columns.map((name, column) =>
      element('text', { x: left + (column + 0.5) * cellWidth, y: top - 5, class: 'tick middle' }, escapeText(name)),
    ),
    ...rows.map((name, row) =>
      element('text', { x: left - 5, y: top + row * cellHeight + 13.5, class: 'tick end' }, escapeText(name)),
    ),
    ...cells,
  );
}

export function legend(names: readonly string[]): string {
  const items = names.map((name) =>
    element('span', { class: 'key' }, element('i', { class: `swatch ${colourOf(name)}` }), escapeText(name)),
  );
  return element('p', { class: 'legend' }, ...items);
}

/** Class of the page's style; a suffix in brackets has no colour of its own. */
function colourOf(name: string): string {
  return `c-${name.replace(/ \(.*\)$/, '').replaceAll(/[^a-z]+/g, '-')}`;
}
