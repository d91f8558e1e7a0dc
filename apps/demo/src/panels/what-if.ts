import type { Arm, Candidate, Plan, Rejection } from '@cutpoint/client';
import { el, setText } from '../dom.js';
import { formatBytes, formatMs } from '../format.js';
import { type Constraints, exclusionOf } from '../play/exclusion.js';

/** Rows that are shown before "all of them" is asked for. */
const SHORT_LIST = 10;
/** A term of less is not named. */
const LEAST_MS = 0.05;

/** Of one that a constraint excludes, {@link exclusionOf} says which. */
const REJECTIONS: Readonly<Record<Exclude<Rejection, 'constraint'>, string>> = {
  slower: 'slower',
  unmeasured: 'nothing is measured yet',
  'not-ready': 'not prepared here yet',
  disconnected: 'the edge cannot be reached',
  'edge-failed': 'the edge failed this inference',
  'outside-policy': 'this policy does not consider it',
  'not-forced': 'another cut is set by hand',
  margin: 'faster, but not by enough to switch',
  'uplink-budget': 'sends more than is allowed now',
  deadline: 'too likely to be late',
  exploring: 'another one is being tried',
};

/** What a row is told of the table that it is in. */
interface Among {
  readonly isRunnerUp: boolean;
  readonly longestMs: number;
  readonly constraints: Constraints;
}

/** Every arm of a plan with its predicted terms, best first. Only what differs from what is there is written. */
export class WhatIfPanel {
  readonly element = el('div');
  readonly #body = el('tbody');
  readonly #rows: Row[] = [];
  readonly #more: HTMLButtonElement;
  #showAll = false;
  #plan: Plan | undefined;
  #constraints: Constraints = {};

  /** @param name told apart by it from others on the page */
  constructor(name = 'arms') {
    this.#more = el('button', { type: 'button', 'data-testid': `all-${name}`, 'aria-expanded': 'false' });
    const heads = [
      el('th', { scope: 'col' }, 'Cut and codec'),
      el('th', { scope: 'col', class: 'terms' }, 'Its terms, in ms'),
      el('th', { scope: 'col', class: 'right' }, 'Predicted'),
      el('th', { scope: 'col', class: 'right' }, 'Sends'),
      el('th', { scope: 'col' }, 'Verdict'),
    ];
    this.#more.addEventListener('click', () => {
      this.#showAll = !this.#showAll;
      this.#more.setAttribute('aria-expanded', String(this.#showAll));
      this.show(this.#plan, this.#constraints);
    });
    this.element.append(
      el('table', { class: 'arms', 'data-testid': name }, el('thead', {}, el('tr', {}, ...heads)), this.#body),
      this.#more,
    );
    this.#body.append(emptyRow());
    this.show(undefined, {});
  }

  /** @param constraints that the plan was made under */
  show(plan: Plan | undefined, constraints: Constraints): void {
    this.#plan = plan;
    this.#constraints = constraints;
    // Worked out whenever it is read.
    const runnerUp = plan?.runnerUp?.arm;
    const arms = plan === undefined ? [] : [...plan.candidates].sort(ranked(plan.chosen.arm, runnerUp));
    const shown = this.#showAll ? arms : arms.slice(0, SHORT_LIST);
    const longestMs = Math.max(1, ...shown.map(({ totalMs }) => totalMs).filter(Number.isFinite));
    while (this.#rows.length < shown.length) this.#rows.push(new Row());
    for (const [index, arm] of shown.entries()) {
      this.#rows[index]?.show(arm, { isRunnerUp: arm.arm === runnerUp, longestMs, constraints });
    }
    if (shown.length !== this.#body.querySelectorAll('[data-cut]').length) {
      const rows = this.#rows.slice(0, shown.length).map(({ element }) => element);
      this.#body.replaceChildren(...(plan ? rows : [emptyRow()]));
    }
    this.#more.hidden = arms.length <= SHORT_LIST;
    setText(this.#more, this.#showAll ? `Show the best ${SHORT_LIST}` : `Show all ${arms.length}`);
  }
}

/** The chosen arm first, then by predicted time; the two ends are always among the first rows. */
function ranked(chosen: Arm, runnerUp: Arm | undefined): (a: Candidate, b: Candidate) => number {
  const rank = (candidate: Candidate): number => {
    if (candidate.arm === chosen) return -4;
    if (candidate.arm === runnerUp) return -3;
    if (candidate.arm.cut === 0 && candidate.arm.codec === 'f32') return -2;
    if (!candidate.arm.usesEdge) return -1;
    return candidate.totalMs;
  };
  return (a, b) => rank(a) - rank(b);
}

const KINDS = ['wait', 'device', 'net', 'queue', 'edge'] as const;

/** One arm of the table. */
class Row {
  readonly element = el('tr');
  readonly #name = el('td');
  readonly #bars = KINDS.map((kind) => el('i', { class: `${kind}-bar` }));
  readonly #terms = el('span', { class: 'muted number' });
  readonly #total = el('td', { class: 'right number' });
  readonly #sends = el('td', { class: 'right number' });
  readonly #verdict = el('td');

  constructor() {
    const stack = el('div', { class: 'stack', 'aria-hidden': 'true' }, ...this.#bars);
    const terms = el('td', { class: 'terms' }, stack, this.#terms);
    this.element.append(this.#name, terms, this.#total, this.#sends, this.#verdict);
  }

  show({ arm, terms, totalMs, rejected }: Candidate, { isRunnerUp, longestMs, constraints }: Among): void {
    const why = rejected === undefined ? 'chosen' : wordsOf(rejected, arm, constraints);
    const impossible = rejected !== undefined && rejected !== 'slower';
    const classes = rejected === undefined ? 'chosen' : impossible ? 'impossible' : '';
    if (this.element.className !== classes) this.element.className = classes;
    this.element.dataset.cut = String(arm.cut);
    this.element.dataset.codec = arm.codec;
    const networkMs = terms.fixedMs + terms.uploadMs + terms.downloadMs;
    const [headMs, tailMs] = [terms.headMs + terms.encodeMs, terms.decodeMs + terms.tailMs];
    const parts = [terms.waitMs, headMs, networkMs, terms.queueMs, tailMs];
    for (const [index, bar] of this.#bars.entries()) {
      const width = `${((100 * (parts[index] ?? 0)) / longestMs).toFixed(1)}%`;
      if (bar.style.width !== width) bar.style.width = width;
    }
    const words = ['wait', 'head', 'network', 'queue', 'tail'].flatMap((name, index) => {
      const ms = parts[index] ?? 0;
      return ms < LEAST_MS ? [] : `${name} ${ms < 10 ? ms.toFixed(1) : Math.round(ms)}`;
    });
    setText(this.#terms, words.join(', '));
    setText(this.#name, nameOf(arm));
    setText(this.#total, formatMs(totalMs));
    setText(this.#sends, arm.usesEdge ? formatBytes(arm.bytesUp) : 'nothing');
    setText(this.#verdict, isRunnerUp ? `runner-up: ${why}` : why);
  }
}

function wordsOf(rejected: Rejection, arm: Arm, constraints: Constraints): string {
  return rejected === 'constraint' ? exclusionOf(arm, constraints) : REJECTIONS[rejected];
}

function nameOf({ cut, codec, usesEdge }: Arm): string {
  if (!usesEdge) return `${cut}: all here`;
  return `${cut === 0 ? '0: all at the edge' : cut}, ${codec}`;
}

function emptyRow(): HTMLElement {
  return el('tr', {}, el('td', { colspan: 5, class: 'muted' }, 'Nothing has been decided yet.'));
}
