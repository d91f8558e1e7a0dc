import type { PolicyName } from '@cutpoint/client';
import { byId, el, setText } from '../dom.js';
import { formatBytes, formatMs } from '../format.js';
import type { Reading } from '../networks/answer.js';
import { POLICIES } from '../page-state.js';
import { type Comparison, type ComparisonEvents, type Step, summarise } from '../play/comparison.js';
import { type Option, select } from './select.js';

/** One that learns by trying forgets what it learnt whenever another one decides. */
const COMPARED = POLICIES.filter((policy) => policy !== 'ans');
const AT_FIRST: ReadonlySet<PolicyName> = new Set<PolicyName>(['cutpoint', 'loadpart', 'offload', 'local']);
const ROUNDS: readonly number[] = [5, 10, 20, 40];
/** Of fewer runs the p95 is the slowest one, and is called that. */
const LEAST_FOR_P95 = 20;

/** Runs a comparison; rejects when it was stopped, or could not go on. */
type Comparing = (comparison: Comparison, events: ComparisonEvents, signal: AbortSignal) => Promise<void>;

/** Policies side by side: the same picture, each policy in turn. */
export class ComparePanel {
  readonly #compare: Comparing;
  readonly #choices = COMPARED.map((policy) => {
    const box = el('input', { type: 'checkbox', checked: AT_FIRST.has(policy), value: policy });
    return { policy, box, label: el('label', { class: 'check' }, box, policy) };
  });
  readonly #rounds = select(
    'compare-rounds',
    ROUNDS.map((rounds): Option => [String(rounds), `${rounds} rounds`]),
    String(ROUNDS[0]),
    () => {},
  );
  readonly #button = el('button', { type: 'button', 'data-testid': 'compare' }, 'Compare');
  readonly #bar = el('progress', { 'aria-label': 'Progress of the comparison', max: 1, value: 0 });
  readonly #status = el('p', { class: 'muted number', role: 'status', 'data-testid': 'compare-status' });
  readonly #progress = el('div', { class: 'progress', hidden: true }, this.#bar);
  readonly #body = el('tbody');
  readonly #tail = el('th', { scope: 'col', class: 'right' }, 'Slowest');
  readonly #readings = new Map<PolicyName, Reading[]>();
  readonly #withoutWish = new Set<PolicyName>();
  #running: AbortController | undefined;

  constructor(compare: Comparing) {
    this.#compare = compare;
    const [policy, mean, sent, runs] = ['Policy', 'Mean', 'Sent', 'Runs'].map((title, index) =>
      el('th', { scope: 'col', class: index === 0 ? undefined : 'right' }, title),
    );
    const heads = [policy, mean, this.#tail, sent, runs].filter((head) => head !== undefined);
    this.#button.addEventListener('click', () => {
      if (this.#running) this.#running.abort();
      else void this.#run();
    });
    byId('compare', HTMLElement).append(
      el(
        'fieldset',
        { class: 'choices' },
        el('legend', { class: 'unseen' }, 'Policies to compare'),
        ...this.#choices.map(({ label }) => label),
      ),
      el('p', { class: 'muted' }, 'ans is left out: it learns by trying, and forgets it whenever another one decides.'),
      el(
        'div',
        { class: 'row' },
        el('label', { class: 'field' }, el('span', {}, 'How often'), this.#rounds),
        this.#button,
      ),
      this.#progress,
      this.#status,
      el(
        'table',
        { class: 'compared', 'data-testid': 'compared' },
        el('thead', {}, el('tr', {}, ...heads)),
        this.#body,
      ),
    );
    this.#draw();
  }

  async #run(): Promise<void> {
    const policies = this.#choices.filter(({ box }) => box.checked).map(({ policy }) => policy);
    if (policies.length < 2) {
      setText(this.#status, 'Choose at least two policies.');
      return;
    }
    const running = new AbortController();
    this.#running = running;
    this.#readings.clear();
    this.#withoutWish.clear();
    for (const policy of policies) this.#readings.set(policy, []);
    setText(this.#button, 'Stop');
    this.#progress.hidden = false;
    this.#draw();
    const events = {
      onStep: (step: Step) => this.#onStep(step),
      onWithoutWish: (policy: PolicyName) => this.#withoutWish.add(policy),
      onReading: (policy: PolicyName, reading: Reading) => {
        this.#readings.get(policy)?.push(reading);
        this.#draw();
      },
    };
    try {
      await this.#compare({ policies, rounds: Number(this.#rounds.value) }, events, running.signal);
      setText(this.#status, 'Done. Picture to answer, in the order of the mean.');
    } catch (error) {
      const why = running.signal.aborted
        ? 'Stopped'
        : `Stopped: ${error instanceof Error ? error.message : String(error)}`;
      setText(this.#status, `${why}. What was measured until then stands.`);
    } finally {
      this.#running = undefined;
      setText(this.#button, 'Compare');
      this.#progress.hidden = true;
      this.#draw();
    }
  }

  #onStep({ policy, round, done, total }: Step): void {
    this.#bar.max = total;
    this.#bar.value = done;
    setText(
      this.#status,
      round === 0 ? `Getting heads for ${policy}, uncounted.` : `Round ${round} of ${this.#rounds.value}.`,
    );
  }

  #draw(): void {
    const rows = [...this.#readings].flatMap(([policy, readings]) => summarise(policy, readings) ?? []);
    // Rows that change places while somebody reads them help nobody.
    if (this.#running === undefined) rows.sort((a, b) => a.meanMs - b.meanMs);
    setText(this.#tail, rows.every(({ count }) => count >= LEAST_FOR_P95) && rows.length > 0 ? 'p95' : 'Slowest');
    const best = Math.min(...rows.map(({ meanMs }) => meanMs));
    this.#body.replaceChildren(
      ...rows.map(({ policy, meanMs, p95Ms, bytesUp, count }) =>
        el(
          'tr',
          { class: meanMs === best && this.#running === undefined ? 'chosen' : undefined, 'data-policy': policy },
          el(
            'th',
            { scope: 'row' },
            policy,
            this.#withoutWish.has(policy) ? el('small', {}, ' without the head that it wishes for') : '',
          ),
          ...[formatMs(meanMs), formatMs(p95Ms), formatBytes(Math.round(bytesUp)), String(count)].map((value) =>
            el('td', { class: 'right number' }, value),
          ),
        ),
      ),
    );
    if (rows.length === 0) {
      this.#body.replaceChildren(
        el('tr', {}, el('td', { colspan: 5, class: 'muted' }, 'Nothing has been compared yet.')),
      );
    }
  }
}
