import type { LoadReport, SessionEvents } from '@cutpoint/client';
import { el } from '../dom.js';
import { formatMs, formatPercent, formatRate } from '../format.js';

/** The edge's load, every number as it reports it. What it cannot read is said, never shown as 0. */
export function renderLoad(load: LoadReport | undefined, model: string): HTMLElement[] {
  if (load === undefined) return facts([['Load', 'nothing reported yet']]);
  const k = load.k[model];
  return facts([
    ['Queue delay', formatMs(load.queueMs)],
    ['Waiting', String(load.queueDepth)],
    ['Running', `${load.inFlight} of ${load.workers}`],
    ['Load factor k', k === undefined ? 'no tail ran yet' : k.toFixed(2)],
    ['CPU', formatPercent(load.cpuUtilisation)],
    ['GPU', load.gpuUtilisation === null ? 'no GPU' : formatPercent(load.gpuUtilisation)],
  ]);
}

export function renderLink({ uplinkBytesPerMs, downlinkBytesPerMs, fixedMs }: SessionEvents['link']): HTMLElement[] {
  const rate = (value: number | undefined): string => (value === undefined ? 'not measured yet' : formatRate(value));
  return facts([
    ['Up', rate(uplinkBytesPerMs)],
    ['Down', rate(downlinkBytesPerMs)],
    ['Fixed cost', fixedMs === undefined ? 'not measured yet' : formatMs(fixedMs)],
  ]);
}

function facts(rows: readonly (readonly [string, string])[]): HTMLElement[] {
  return rows.map(([title, value]) => el('div', {}, el('dt', {}, title), el('dd', {}, value)));
}
