import type { LoadReport, SessionEvents } from '@cutpoint/client';
import { el, setText } from '../dom.js';
import { formatMs, formatPercent, formatRate } from '../format.js';

/** The edge's load, every number as it reports it. What it cannot read is said, never shown as 0. */
export function showLoad(list: HTMLElement, load: LoadReport | undefined, model: string): void {
  if (load === undefined) {
    showFacts(list, [['Load', 'nothing reported yet']]);
    return;
  }
  const k = load.k[model];
  showFacts(list, [
    ['Queue delay', formatMs(load.queueMs)],
    ['Waiting', String(load.queueDepth)],
    ['Running', `${load.inFlight} of ${load.workers}`],
    ['Load factor k', k === undefined ? 'no tail ran yet' : k.toFixed(2)],
    ['CPU', formatPercent(load.cpuUtilisation)],
    ['GPU', load.gpuUtilisation === null ? 'no GPU' : formatPercent(load.gpuUtilisation)],
  ]);
}

/** What was said of the link, and when, by this page's clock. */
export interface HeardLink {
  readonly link: Partial<SessionEvents['link']>;
  readonly atMs: number;
}

/** A rate is as old as the last transfer: who runs everything here measures nothing. */
export const OLD_MS = 3_000;

export function showLink(list: HTMLElement, heard: HeardLink): void {
  const { fixedMs } = heard.link;
  const { up, down } = ratesOf(heard);
  showFacts(list, [
    ['Up', up],
    ['Down', down],
    ['Fixed cost', fixedMs === undefined ? 'not measured yet' : formatMs(fixedMs)],
  ]);
}

/** Both rates in words, with their age where they are old. */
export function ratesOf({ link, atMs }: HeardLink): { readonly up: string; readonly down: string } {
  const { uplinkBytesPerMs, uplinkAgeMs = 0, downlinkBytesPerMs, downlinkAgeMs = 0 } = link;
  const rate = (value: number | undefined, heardAgeMs: number): string => {
    if (value === undefined) return 'not measured yet';
    const ageMs = heardAgeMs + performance.now() - atMs;
    return ageMs < OLD_MS ? formatRate(value) : `${formatRate(value)}, ${Math.round(ageMs / 1000)} s ago`;
  };
  return { up: rate(uplinkBytesPerMs, uplinkAgeMs), down: rate(downlinkBytesPerMs, downlinkAgeMs) };
}

/** Drawn several times a second: what is there stays, and only a value that differs is written. */
function showFacts(list: HTMLElement, rows: readonly (readonly [string, string])[]): void {
  // Other facts come in other numbers.
  if (list.children.length !== rows.length) {
    list.replaceChildren(...rows.map(([title]) => el('div', {}, el('dt', {}, title), el('dd'))));
  }
  for (const [index, [, value]] of rows.entries()) {
    const shown = list.children[index]?.lastElementChild;
    if (shown) setText(shown, value);
  }
}
