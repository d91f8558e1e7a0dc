import type { Trace } from '@cutpoint/client';
import { el } from '../dom.js';
import { formatBytes, formatMs } from '../format.js';

interface Span {
  readonly name: string;
  readonly kind: 'wait' | 'device' | 'net' | 'queue' | 'edge' | 'other';
  readonly startMs: number;
  readonly ms: number;
  /** `undefined` for what nobody predicts apart. */
  readonly predictedStartMs?: number;
  readonly predictedMs?: number;
  readonly bytes?: number;
}

/** The stages of one inference one after another, each beside what was predicted for it. */
export function spansOf(trace: Trace): Span[] {
  const terms = trace.plan?.chosen.terms;
  const stages: [name: string, kind: Span['kind'], ms: number, predictedMs: number | undefined, bytes?: number][] = [
    ['Resize', 'device', trace.resizeMs, undefined],
    ['Wait', 'wait', trace.waitMs, terms?.waitMs],
    ['Head', 'device', trace.headMs, terms?.headMs],
    ['Encode', 'device', trace.encodeMs, terms?.encodeMs],
    ['Upload', 'net', trace.uploadMs, terms?.uploadMs, trace.bytesUp],
    ['Queue', 'queue', trace.queueMs, terms?.queueMs],
    ['Decode', 'edge', trace.decodeMs, terms?.decodeMs],
    ['Tail', 'edge', trace.tailMs, terms?.tailMs],
    ['Download', 'net', trace.downloadMs, terms?.downloadMs, trace.bytesDown],
    ['Other', 'other', trace.otherMs, terms?.fixedMs],
  ];
  let [startMs, predictedStartMs] = [0, 0];
  return stages.map(([name, kind, ms, predictedMs, bytes]) => {
    const span: Span = {
      name,
      kind,
      startMs,
      ms,
      ...(predictedMs === undefined ? {} : { predictedStartMs, predictedMs }),
      ...(bytes === undefined || bytes === 0 ? {} : { bytes }),
    };
    startMs += ms;
    predictedStartMs += predictedMs ?? 0;
    return span;
  });
}

/** @param runs inferences of this network in the answer; the waterfall is the last one's */
export function renderWaterfall(title: string, trace: Trace, runs: number): HTMLElement {
  const spans = spansOf(trace);
  const predictedMs = trace.plan?.chosen.totalMs;
  const foretold = predictedMs === undefined ? 'nothing' : formatMs(predictedMs);
  const sent = trace.bytesUp > 0 ? `, sent as ${trace.codec}` : '';
  const scale = 100 / Math.max(1, trace.totalMs, predictedMs ?? 0);
  const rows = spans.map(({ name, kind, startMs, ms, predictedStartMs = 0, predictedMs = 0, bytes = 0 }) => {
    const track = el('td', { class: 'track', 'aria-hidden': 'true' });
    if (predictedMs > 0) track.append(bar('predicted', predictedStartMs * scale, predictedMs * scale));
    if (ms > 0) track.append(bar(`measured ${kind}-bar`, startMs * scale, ms * scale));
    return el(
      'tr',
      { class: ms > 0 || predictedMs > 0 ? undefined : 'idle' },
      el(
        'th',
        { scope: 'row' },
        name,
        ...(bytes > 0 ? [' ', el('small', { class: 'muted' }, formatBytes(bytes))] : []),
      ),
      track,
      el('td', {}, msOf(ms)),
      el('td', { class: 'muted' }, msOf(predictedMs)),
    );
  });
  const rescued =
    trace.rescued === undefined
      ? []
      : [el('p', { class: 'muted' }, 'The edge did not answer in time; this page finished the network alone.')];
  return el(
    'div',
    { class: 'network' },
    el(
      'h3',
      {},
      `${title}${runs > 1 ? `, the last of ${runs}` : ''}: ${formatMs(trace.totalMs)} measured, ${foretold} predicted${sent}`,
    ),
    el('table', { class: 'waterfall' }, heads(), el('tbody', {}, ...rows)),
    ...rescued,
  );
}

function bar(classes: string, left: number, width: number): HTMLElement {
  const element = el('i', { class: classes });
  element.style.left = `${Math.min(100, left)}%`;
  element.style.width = `${Math.min(100 - Math.min(100, left), width)}%`;
  return element;
}

function heads(): HTMLElement {
  const names = ['Measured', 'Predicted'].map((name) => el('th', { scope: 'col' }, name));
  return el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Stage'), el('td', { class: 'track' }), ...names));
}

function msOf(ms: number): string {
  return ms > 0 ? formatMs(ms) : '–';
}
