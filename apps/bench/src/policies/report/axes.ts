import { element, escapeText } from './markup.js';
import { formatTick, linearScale, logScale, type Scale } from './scale.js';

export interface AxisOptions {
  readonly label: string;
  readonly range: readonly [number, number];
  readonly isLog?: boolean;
}

/** The ground of a chart: where its axes lie, and what they look like. */
export interface Frame {
  readonly x: Scale;
  readonly y: Scale;
  readonly width: number;
  readonly height: number;
  readonly plot: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };
  readonly markup: string;
}

const MARGIN = { left: 48, top: 22, right: 12, bottom: 34 };

export function frameOf(title: string, x: AxisOptions, y: AxisOptions, width = 340, height = 210): Frame {
  const plot = { left: MARGIN.left, top: MARGIN.top, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
  const xScale = scaleOf(x, [plot.left, plot.right]);
  const yScale = scaleOf(y, [plot.bottom, plot.top]);
  const markup = [
    element('text', { x: plot.left, y: 13, class: 'title' }, escapeText(title)),
    ...yScale.ticks.map((tick) =>
      [
        element('line', { x1: plot.left, x2: plot.right, y1: yScale.at(tick), y2: yScale.at(tick), class: 'grid' }),
        element('text', { x: plot.left - 5, y: yScale.at(tick) + 3.5, class: 'tick end' }, formatTick(tick)),
      ].join(''),
    ),
    ...xScale.ticks.map((tick) =>
      element('text', { x: xScale.at(tick), y: plot.bottom + 13, class: 'tick middle' }, formatTick(tick)),
    ),
    element('line', { x1: plot.left, x2: plot.right, y1: plot.bottom, y2: plot.bottom, class: 'axis' }),
    element('text', { x: (plot.left + plot.right) / 2, y: height - 6, class: 'label middle' }, escapeText(x.label)),
    element(
      'text',
      {
        x: 11,
        y: (plot.top + plot.bottom) / 2,
        transform: `rotate(-90 11 ${(plot.top + plot.bottom) / 2})`,
        class: 'label middle',
      },
      escapeText(y.label),
    ),
  ].join('');
  return { x: xScale, y: yScale, width, height, plot, markup };
}

export function drawing(frame: Pick<Frame, 'width' | 'height'>, title: string, ...parts: readonly string[]): string {
  const { width, height } = frame;
  // No larger than drawn, or nearly: text keeps its size from chart to chart.
  const style = `max-width:${Math.round(width * 1.15)}px`;
  return element('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title, style }, ...parts);
}

function scaleOf({ range, isLog = false }: AxisOptions, place: readonly [number, number]): Scale {
  return isLog ? logScale(range, place) : linearScale(range, place);
}
