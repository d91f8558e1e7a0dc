import { el } from '../dom.js';
import { formatBytes, formatMs, formatScore, plural } from '../format.js';
import type { Answer, Reading } from '../networks/answer.js';

/** Letters of a page of text that a list of pictures has room for. */
const MAX_BRIEF = 160;

/** What was found, as text that can be selected and read aloud. */
export function renderAnswer(answer: Answer): HTMLElement {
  switch (answer.kind) {
    case 'text':
      return renderText(answer);
    case 'labels':
      return el(
        'ol',
        { class: 'labels', 'aria-label': 'Best classes' },
        ...answer.labels.map(({ name, score }) => {
          const share = el('i');
          share.style.width = `${Math.max(0.2, score * 100)}%`;
          return el(
            'li',
            {},
            el('span', {}, name),
            el('span', { class: 'number' }, formatScore(score)),
            el('div', { class: 'bar', 'aria-hidden': 'true' }, share),
          );
        }),
      );
    case 'tensors':
      return el(
        'div',
        {},
        el('p', { class: 'muted' }, answer.note),
        el('ul', { class: 'lines' }, ...answer.tensors.map((line) => el('li', {}, line))),
      );
  }
}

function renderText({ lines, foundBoxes, isReading }: Extract<Answer, { kind: 'text' }>): HTMLElement {
  if (lines.length === 0) return el('p', {}, 'No text was found in this picture.');
  if (!isReading) {
    return el(
      'p',
      {},
      `${plural(foundBoxes, 'line')} of text outlined. This network finds lines and does not read them.`,
    );
  }
  const list = el(
    'ol',
    { class: 'lines', tabindex: 0, 'aria-label': 'Lines of text' },
    ...lines.map(({ text, score }) => {
      if (text === undefined || score === undefined) return el('li', {}, el('span', { class: 'muted' }, '…'));
      const words = text === '' ? el('span', { class: 'muted' }, 'not readable') : el('span', {}, text);
      return el('li', {}, words, el('small', { title: 'Mean probability of its characters' }, formatScore(score)));
    }),
  );
  if (foundBoxes === lines.length) return list;
  return el('div', {}, list, el('p', { class: 'muted' }, `The first ${lines.length} of ${foundBoxes} lines are read.`));
}

/** The sentence that a screen reader hears, and everybody sees. */
export function summarise({ answer, totalMs }: Reading): string {
  const took = `in ${formatMs(totalMs)}`;
  if (answer.kind === 'text') {
    return answer.lines.length === 0
      ? `Looked for text and found none, ${took}.`
      : `${answer.isReading ? 'Read' : 'Found'} ${plural(answer.lines.length, 'line')} ${took}.`;
  }
  if (answer.kind === 'labels') {
    const [best] = answer.labels;
    return best ? `${best.name}, ${formatScore(best.score)}, ${took}.` : `No class was named, ${took}.`;
  }
  return `Ran ${took}.`;
}

/** One line for a list of many pictures: what was found, and how long that took. */
export function describeBriefly(reading: Reading): string {
  const { answer } = reading;
  const words = answer.kind === 'text' ? answer.lines.flatMap(({ text }) => text || []).join(' / ') : '';
  const brief = words.length > MAX_BRIEF ? `${words.slice(0, MAX_BRIEF)}…` : words;
  return `${summarise(reading)}${brief === '' ? '' : ` ${brief}`}`;
}

/** Measured while the page keeps running. */
interface StreamNumbers {
  /** Over the last answers; `undefined` before the second. */
  readonly answersPerSecond: number | undefined;
  /** Of the camera; `undefined` where nothing is dropped, or nobody counts. */
  readonly droppedFrames: number | undefined;
}

export interface Numbers {
  readonly reading: Reading;
  readonly stream: StreamNumbers | undefined;
  readonly cuts: readonly CutPlace[];
}

/** Where a network was cut. */
export interface CutPlace {
  readonly title: string;
  readonly layersHere: number;
  readonly layers: number;
}

export function renderNumbers({ reading, stream, cuts }: Numbers): HTMLElement[] {
  const bytesUp = reading.traces.reduce((sum, trace) => sum + trace.bytesUp, 0);
  const [amount, unit] = formatBytes(bytesUp).split(' ');
  const [time, timeUnit] = formatMs(reading.totalMs).split(' ');
  return [
    figure('Picture to answer', 'total-ms', time, timeUnit),
    figure('Sent', 'sent', amount, unit),
    ...(stream?.answersPerSecond === undefined
      ? []
      : [figure('Frames a second', 'rate', stream.answersPerSecond.toFixed(1), undefined)]),
    ...(stream?.droppedFrames === undefined
      ? []
      : [figure('Frames left out for newer ones', 'dropped', String(stream.droppedFrames), undefined)]),
    ...cuts.map(({ title, layersHere, layers }) =>
      el(
        'div',
        { class: 'wide' },
        el('dt', {}, `${title}, layers here`),
        el('dd', { 'data-testid': 'chosen-cut' }, `${layersHere} of ${layers}`),
      ),
    ),
  ];
}

function figure(title: string, testId: string, value: string | undefined, unit: string | undefined): HTMLElement {
  const number = el('dd', { 'data-testid': testId }, value ?? '');
  if (unit !== undefined) number.append(' ', el('small', {}, unit));
  return el('div', {}, el('dt', {}, title), number);
}
