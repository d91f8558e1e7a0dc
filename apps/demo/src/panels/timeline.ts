import type { ReplayedDecision } from '@cutpoint/client';
import { svg } from '../dom.js';

const WIDTH = 1000;
const HEIGHT = 96;
const MARK = 8;

/**
 * Where each decision cut, over time: all at the edge at the bottom, all in the page at the top. One that is different now
 * is marked.
 */
export function drawTimeline(replayed: readonly ReplayedDecision[], shown: number): SVGElement[] {
  const times = replayed.map(({ recorded }) => recorded.input.nowMs);
  const [first = 0, last = first] = [Math.min(...times), Math.max(...times)];
  const x = (nowMs: number): number => (last > first ? ((nowMs - first) / (last - first)) * WIDTH : WIDTH / 2);
  const models = [...new Set(replayed.map(({ recorded }) => recorded.model))];
  const lines = models.map((model, index) => {
    const points = replayed.flatMap(({ recorded }) =>
      recorded.model === model ? [`${x(recorded.input.nowMs).toFixed(1)},${y(recorded).toFixed(1)}`] : [],
    );
    return svg('polyline', { points: points.join(' '), class: `line line-${index % 2}` });
  });
  const wrong = replayed.flatMap(({ recorded, difference }) =>
    difference === undefined ? [] : [markOf('wrong', x(recorded.input.nowMs), y(recorded))],
  );
  const now = replayed[shown]?.recorded;
  if (now === undefined) return [...lines, ...wrong];
  const at = x(now.input.nowMs);
  return [
    ...lines,
    ...wrong,
    svg('line', { x1: at, x2: at, y1: 0, y2: HEIGHT, class: 'now' }),
    markOf('shown', at, y(now)),
  ];
}

export function emptyTimeline(): SVGSVGElement {
  return svg('svg', {
    class: 'timeline',
    viewBox: `${-MARK} ${-MARK} ${WIDTH + 2 * MARK} ${HEIGHT + 2 * MARK}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
}

/** By the share of the network's time that the head is. */
function y({ input: { arms }, decided: { cut } }: ReplayedDecision['recorded']): number {
  const wholeMs = Math.max(...arms.map(({ headMs }) => headMs));
  const headMs = arms.find((arm) => arm.cut === cut)?.headMs ?? 0;
  return wholeMs > 0 ? (1 - headMs / wholeMs) * HEIGHT : HEIGHT;
}

function markOf(kind: string, atX: number, atY: number): SVGElement {
  return svg('rect', { class: kind, x: atX - MARK / 2, y: atY - MARK / 2, width: MARK, height: MARK });
}
