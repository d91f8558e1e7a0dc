import type { LoadReport, SessionEvents, Trace } from '@cutpoint/client';
import type uPlot from 'uplot';
import { el, setText } from '../dom.js';
import { formatMs } from '../format.js';
import { type Key, LiveSamples, WINDOW_MS } from './live-samples.js';

/** Samples and redraws a second; page.md allows ten, a minute on 300 pixels needs no more than four. */
const SAMPLE_EVERY_MS = 250;
const PLOT_HEIGHT = 104;
const RIGHT_AXIS_WIDTH = 36;

interface Line {
  readonly key: Key;
  readonly title: string;
  readonly colour: string;
  readonly dash?: number[];
  /** Drawn against the axis on the right. */
  readonly right?: boolean;
  readonly dots?: boolean;
  /** Drawn from one value to the next, whatever lies between. */
  readonly spans?: boolean;
  readonly words: (value: number) => string;
}

const mbit = (value: number): string => `${value.toFixed(1)} Mbit/s`;
const share = (value: number): string => `${Math.round(value * 100)} %`;
const PLOTS: readonly { readonly title: string; readonly lines: readonly Line[] }[] = [
  {
    title: 'Link, measured, in Mbit/s',
    lines: [
      { key: 'up', title: 'up', colour: '--device', words: mbit },
      { key: 'down', title: 'down', colour: '--edge', words: mbit },
    ],
  },
  {
    title: 'Edge: queue in ms (left), k and share in use (right)',
    lines: [
      { key: 'queueMs', title: 'queue', colour: '--edge', words: formatMs },
      { key: 'k', title: 'k', colour: '--ink', right: true, words: (value) => value.toFixed(2) },
      { key: 'cpu', title: 'CPU', colour: '--net', right: true, dash: [4, 3], words: share },
      { key: 'gpu', title: 'GPU', colour: '--edge', right: true, dash: [1, 3], words: share },
    ],
  },
  {
    title: 'One inference in ms; a mark where the cut moved',
    lines: [
      { key: 'measuredMs', title: 'measured', colour: '--ink', dots: true, spans: true, words: formatMs },
      { key: 'predictedMs', title: 'predicted', colour: '--net', dash: [4, 3], spans: true, words: formatMs },
    ],
  },
];

/** One of the three; what draws it is fetched when it is first seen. */
interface Plot {
  readonly canvas: HTMLElement;
  readonly lines: readonly Line[];
  readonly outputs: readonly HTMLElement[];
  drawing?: uPlot;
}

/** Three small plots on one time axis. They cost nothing while they cannot be seen, and what draws them nothing before. */
export class LivePanel {
  readonly #samples = new LiveSamples();
  readonly #plots: readonly Plot[];
  #isOnScreen = false;
  #isFetched = false;
  #width = 0;

  constructor(container: HTMLElement) {
    this.#plots = PLOTS.map(({ title, lines }) => {
      const outputs = lines.map(({ key }) => el('b', { 'data-value': key }));
      const keys = lines.map((line, index) => {
        const sample = el('i', { class: 'stroke' });
        sample.style.borderTopColor = `var(${line.colour})`;
        sample.style.borderTopStyle = line.dash === undefined ? 'solid' : line.dash[0] === 1 ? 'dotted' : 'dashed';
        return el('span', {}, sample, ` ${line.title} `, outputs[index] ?? '');
      });
      const canvas = el('div', { class: 'canvas', 'aria-hidden': 'true' });
      container.append(
        el('div', { class: 'plot' }, el('h3', {}, title), el('p', { class: 'legend muted' }, ...keys), canvas),
      );
      return { canvas, lines, outputs };
    });
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width === 0) return;
      this.#width = width;
      for (const { drawing } of this.#plots) drawing?.setSize({ width, height: PLOT_HEIGHT });
    }).observe(container);
    new IntersectionObserver((entries) => {
      this.#isOnScreen = entries.at(-1)?.isIntersecting ?? false;
      if (this.#isOnScreen) void this.#fetchDrawing();
    }).observe(container);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const { drawing } of this.#plots) drawing?.redraw();
    });
    setInterval(() => this.#tick(), SAMPLE_EVERY_MS);
  }

  /** The network whose inferences are plotted; another one starts afresh. */
  setModel(model: string): void {
    this.#samples.setModel(model);
  }

  addLink(link: SessionEvents['link']): void {
    this.#samples.addLink(link, performance.now());
  }

  addLoad(load: LoadReport): void {
    this.#samples.addLoad(load, performance.now());
  }

  addTrace(trace: Trace): void {
    this.#samples.addTrace(trace);
  }

  /** What draws is as large as the rest of the page, and nobody needs it before the first answer. */
  async #fetchDrawing(): Promise<void> {
    if (this.#isFetched) return;
    this.#isFetched = true;
    try {
      const { default: Plotter } = await import('uplot');
      for (const plot of this.#plots) {
        plot.drawing = new Plotter(this.#optionsOf(plot.lines), [[], ...plot.lines.map(() => [])], plot.canvas);
      }
    } catch {
      // The numbers in the legends do without, and the next look tries again.
      this.#isFetched = false;
    }
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#samples.take(nowMs);
    if (document.hidden || !this.#isOnScreen) return;
    const { all, load } = this.#samples;
    const times = all.map(({ atMs }) => (atMs - nowMs) / 1000);
    for (const { drawing, lines, outputs } of this.#plots) {
      drawing?.setData([times, ...lines.map(({ key }) => all.map(({ values }) => values[key]))]);
      for (const [index, line] of lines.entries()) {
        const latest = this.#samples.latest(line.key);
        const output = outputs[index];
        if (output) setText(output, latest === null ? emptyWords(line.key, load) : line.words(latest));
      }
    }
  }

  #optionsOf(lines: readonly Line[]): uPlot.Options {
    const muted = (): string => colour('--muted');
    const grid = { stroke: () => colour('--line'), width: 1 };
    const axis = { stroke: muted, grid, ticks: { show: false }, font: '12px system-ui, sans-serif' };
    const fromZero = (_plot: uPlot, _min: number, max: number): uPlot.Range.MinMax => [0, niceTop(max)];
    const hasRight = lines.some(({ right }) => right);
    return {
      width: this.#width || 300,
      height: PLOT_HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      // The three end at one moment, whether or not there is an axis on the right.
      padding: [8, hasRight ? 0 : RIGHT_AXIS_WIDTH, 0, 0],
      scales: {
        x: { time: false, range: [-WINDOW_MS / 1000, 0] },
        y: { range: fromZero },
        ...(hasRight ? { right: { range: fromZero } } : {}),
      },
      axes: [
        { ...axis, size: 24, values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? 'now' : `${tick} s`)) },
        { ...axis, size: 40, space: 28, values: (_plot, ticks) => ticks.map(shortNumber) },
        ...(hasRight
          ? [{ ...axis, grid: { show: false }, scale: 'right', side: 1 as const, size: RIGHT_AXIS_WIDTH, space: 28 }]
          : []),
      ],
      series: [{}, ...lines.map(seriesOf)],
      hooks: lines.some(({ key }) => key === 'measuredMs') ? { draw: [(plot) => this.#drawMarks(plot)] } : {},
    };
  }

  /** A vertical line at each moment at which the cut moved. */
  #drawMarks(plot: uPlot): void {
    const nowMs = performance.now();
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour('--muted');
    ctx.lineWidth = devicePixelRatio;
    for (const { atMs } of this.#samples.all.filter(({ cutMoved }) => cutMoved)) {
      const x = Math.round(plot.valToPos((atMs - nowMs) / 1000, 'x', true)) + 0.5;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}

function seriesOf(line: Line): uPlot.Series {
  return {
    stroke: () => colour(line.colour),
    width: line.dots ? 1 : 1.5,
    scale: line.right ? 'right' : 'y',
    // Inferences come now and then; what is not known for a while is a gap.
    spanGaps: line.spans ?? false,
    ...(line.dash ? { dash: [...line.dash] } : {}),
    points: { show: line.dots ?? false, size: 4, fill: () => colour(line.colour) },
  };
}

/** Computed once a redraw by uPlot; the page's theme may have changed in between. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** An axis has room for four characters. */
function shortNumber(value: number): string {
  return value >= 10_000 ? `${value / 1000}k` : String(value);
}

/** The next of 1, 2, 5, 10, … so that the axis does not tremble. */
function niceTop(max: number): number {
  if (!(max > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(max));
  return ([1, 2, 5].find((step) => step * power >= max) ?? 10) * power;
}

function emptyWords(key: Key, load: LoadReport | undefined): string {
  return key === 'gpu' && load?.gpuUtilisation === null ? 'no GPU' : '–';
}
