import type { Trace } from '@cutpoint/client';
import { el } from '../dom.js';
import { formatBytes, formatMs } from '../format.js';

interface Span {
  readonly name: string;
  readonly kind: 'device' | 'net' | 'queue' | 'edge' | 'other';
  readonly startMs: number;
  readonly ms: number;
  /** `undefined` for what nobody predicts apart. */
  readonly predictedStartMs?: number;
  readonly predictedMs?: number;
  readonly bytes?: number;
  /** What the figure is made of, where its name does not say it. */
  readonly note?: string;
}

/** Waiting is no fault of the network, and cannot be told apart from it here: only the link's share is predicted. */
const OTHER_NOTE =
  'round trip, framing, and waiting for other inferences; predicted is the fixed cost of the link alone';

/** The stages of one inference one after another, each beside what was predicted for it. */
export function spansOf(trace: Trace): Span[] {
  const terms = trace.plan?.chosen.terms;
  const stages: [name: string, kind: Span['kind'], ms: number, predictedMs: number | undefined, bytes?: number][] = [
    ['Resize', 'device', trace.resizeMs, undefined],
    ['Wait', 'queue', trace.waitMs, terms?.waitMs],
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
      ...(kind === 'other' ? { note: OTHER_NOTE } : {}),
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
  const rows = spans.map((span) => {
    const track = el('span', { class: 'track', 'aria-hidden': 'true' });
    if (span.predictedMs !== undefined && span.predictedMs > 0) {
      track.append(bar('predicted', (span.predictedStartMs ?? 0) * scale, span.predictedMs * scale));
    }
    if (span.ms > 0) track.append(bar(`measured ${span.kind}-bar`, span.startMs * scale, span.ms * scale));
    const bytes = span.bytes === undefined ? '' : `, ${formatBytes(span.bytes)}`;
    const predicted = span.predictedMs === undefined ? '' : ` (predicted ${formatMs(span.predictedMs)})`;
    const value = el('span', { class: 'number' }, span.ms > 0 ? `${formatMs(span.ms)}${bytes}` : '–');
    const note = span.note === undefined ? '' : `: ${span.note}`;
    const said = `${span.name}: ${formatMs(span.ms)}${bytes}${predicted}${note}`;
    return el(
      'li',
      { title: said },
      el('span', { title: said }, span.name),
      track,
      el('span', { class: 'value', title: said }, value, hidden(`${predicted}${note}`)),
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
    el('ol', { class: 'waterfall' }, ...rows),
    ...rescued,
  );
}

function bar(classes: string, left: number, width: number): HTMLElement {
  const element = el('i', { class: classes });
  element.style.left = `${Math.min(100, left)}%`;
  element.style.width = `${Math.min(100 - Math.min(100, left), width)}%`;
  return element;
}

function hidden(text: string): HTMLElement {
  return el('span', { class: 'unseen' }, text);
}
