import type { Candidate, Plan, Rejection } from '@cutpoint/client';
import { el } from '../dom.js';
import { formatBytes, formatMs } from '../format.js';

/** Rows that are shown before "all of them" is asked for. */
const SHORT_LIST = 10;

const REJECTIONS: Readonly<Record<Rejection, string>> = {
  slower: 'slower',
  unmeasured: 'nothing is measured yet',
  'not-ready': 'not prepared here yet',
  disconnected: 'the edge cannot be reached',
  'edge-failed': 'the edge failed this inference',
  'outside-policy': 'this policy does not consider it',
  'not-forced': 'another cut is set by hand',
  margin: 'faster, but not by enough to switch',
  constraint: 'excluded by a constraint',
  'uplink-budget': 'sends more than is allowed now',
  deadline: 'too likely to be late',
  exploring: 'another one is being tried',
};

/** Every arm of a plan with its predicted terms, best first. */
export class WhatIfPanel {
  readonly element = el('div');
  readonly #body = el('tbody');
  readonly #more: HTMLButtonElement;
  #showAll = false;
  #plan: Plan | undefined;

  /** @param name told apart by it from others on the page */
  constructor(name = 'arms') {
    this.#more = el('button', { type: 'button', 'data-testid': `all-${name}`, 'aria-expanded': 'false' });
    const heads = [
      el('th', { scope: 'col' }, 'Cut and codec'),
      el('th', { scope: 'col', class: 'terms' }, 'Head, network, queue, tail'),
      el('th', { scope: 'col', class: 'right' }, 'Predicted'),
      el('th', { scope: 'col', class: 'right' }, 'Sends'),
      el('th', { scope: 'col' }, 'Verdict'),
    ];
    this.#more.addEventListener('click', () => {
      this.#showAll = !this.#showAll;
      this.#more.setAttribute('aria-expanded', String(this.#showAll));
      this.show(this.#plan);
    });
    this.element.append(
      el('table', { class: 'arms', 'data-testid': name }, el('thead', {}, el('tr', {}, ...heads)), this.#body),
      this.#more,
    );
    this.show(undefined);
  }

  show(plan: Plan | undefined): void {
    this.#plan = plan;
    const arms = plan === undefined ? [] : [...plan.candidates].sort((a, b) => rank(plan, a) - rank(plan, b));
    const shown = this.#showAll ? arms : arms.slice(0, SHORT_LIST);
    const longestMs = Math.max(1, ...shown.map(({ totalMs }) => totalMs).filter(Number.isFinite));
    this.#body.replaceChildren(...(plan ? shown.map((arm) => row(plan, arm, longestMs)) : [emptyRow()]));
    this.#more.hidden = arms.length <= SHORT_LIST;
    this.#more.textContent = this.#showAll ? `Show the best ${SHORT_LIST}` : `Show all ${arms.length}`;
  }
}

/** The chosen arm first, then by predicted time; the two ends are always among the first rows. */
function rank(plan: Plan, candidate: Candidate): number {
  if (isSame(candidate, plan.chosen)) return -4;
  if (plan.runnerUp && isSame(candidate, plan.runnerUp)) return -3;
  if (candidate.arm.cut === 0 && candidate.arm.codec === 'f32') return -2;
  if (!candidate.arm.usesEdge) return -1;
  return candidate.totalMs;
}

function row(plan: Plan, candidate: Candidate, longestMs: number): HTMLElement {
  const { arm, terms, totalMs } = candidate;
  const isChosen = isSame(candidate, plan.chosen);
  const verdict = isChosen
    ? 'chosen'
    : plan.runnerUp && isSame(candidate, plan.runnerUp)
      ? `runner-up: ${words(candidate.rejected)}`
      : words(candidate.rejected);
  const networkMs = terms.fixedMs + terms.uploadMs + terms.downloadMs;
  const parts: [kind: string, ms: number][] = [
    ['device', terms.headMs + terms.encodeMs],
    ['net', networkMs],
    ['queue', terms.queueMs],
    ['edge', terms.decodeMs + terms.tailMs],
  ];
  const stack = el('div', { class: 'stack', 'aria-hidden': 'true' });
  for (const [kind, ms] of parts) {
    const part = el('i', { class: `${kind}-bar` });
    part.style.width = `${(100 * ms) / longestMs}%`;
    stack.append(part);
  }
  const said = `head ${formatMs(terms.headMs)}, network ${formatMs(networkMs)}, queue ${formatMs(terms.queueMs)}, tail ${formatMs(terms.tailMs)}`;
  const impossible = candidate.rejected !== undefined && candidate.rejected !== 'slower';
  return el(
    'tr',
    {
      class: isChosen ? 'chosen' : impossible ? 'impossible' : undefined,
      'data-cut': arm.cut,
      'data-codec': arm.codec,
      title: said,
    },
    el('td', {}, name(candidate)),
    el('td', { class: 'terms' }, stack, el('span', { class: 'unseen' }, said)),
    el('td', { class: 'right number' }, formatMs(totalMs)),
    el('td', { class: 'right number' }, arm.usesEdge ? formatBytes(arm.bytesUp) : 'nothing'),
    el('td', {}, verdict),
  );
}

function name({ arm }: Candidate): string {
  if (!arm.usesEdge) return `${arm.cut}: all here`;
  return `${arm.cut === 0 ? '0: all at the edge' : arm.cut}, ${arm.codec}`;
}

function words(rejection: Rejection | undefined): string {
  return rejection === undefined ? '' : REJECTIONS[rejection];
}

function isSame(a: Candidate, b: Candidate): boolean {
  return a.arm.cut === b.arm.cut && a.arm.codec === b.arm.codec;
}

function emptyRow(): HTMLElement {
  return el('tr', {}, el('td', { colspan: 5, class: 'muted' }, 'Nothing has been decided yet.'));
}
