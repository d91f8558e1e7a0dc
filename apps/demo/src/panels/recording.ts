import { explainPlan, Recorder, type ReplayedDecision, readRecording, replayRecording } from '@cutpoint/client';
import { byId, el, setText } from '../dom.js';
import { formatBytes, formatMs, formatRate, plural } from '../format.js';
import type { Network } from '../networks/reader.js';
import { drawTimeline, emptyTimeline } from './timeline.js';
import { WhatIfPanel } from './what-if.js';

const REDRAW_EVERY_MS = 500;

/** Saves what was decided here and why, as one file; makes the decisions of such a file again, step by step. */
export class RecordingPanel {
  readonly #button = el('button', { type: 'button', 'data-testid': 'record' }, 'Record');
  readonly #status = el('p', { class: 'muted number', role: 'status', 'data-testid': 'recording-status' });
  readonly #file = el('input', {
    type: 'file',
    accept: '.json,application/json',
    class: 'unseen',
    'data-testid': 'replay-file',
  });
  readonly #replay = el('div', { class: 'controls', hidden: true, 'data-testid': 'replay' });
  readonly #timeline = emptyTimeline();
  readonly #step = el('input', { type: 'range', min: 0, step: 1, value: 0, 'data-testid': 'replay-step' });
  readonly #words = el('p', { class: 'number', 'data-testid': 'replay-words' });
  readonly #conditions = el('p', { class: 'muted number' });
  readonly #whatIf = new WhatIfPanel('replayed-arms');
  #networks: readonly Network[] = [];
  #recorder: Recorder | undefined;
  #replayed: readonly ReplayedDecision[] = [];

  constructor() {
    this.#button.addEventListener('click', () => (this.#recorder ? this.#save(this.#recorder) : this.#start()));
    this.#file.addEventListener('change', () => void this.#load());
    this.#step.addEventListener('input', () => this.#draw());
    this.#step.setAttribute('aria-label', 'Decision');
    this.#replay.append(this.#timeline, this.#step, this.#words, this.#conditions, this.#whatIf.element);
    byId('recording', HTMLElement).append(
      el('div', { class: 'row' }, this.#button, el('label', { class: 'button' }, 'Replay a file', this.#file)),
      this.#status,
      this.#replay,
    );
    setInterval(() => this.#tell(), REDRAW_EVERY_MS);
  }

  /** What is opened while a recording goes on is recorded as well. */
  setNetworks(networks: readonly Network[]): void {
    this.#networks = networks;
    for (const { session } of networks) this.#recorder?.add(session);
  }

  #start(): void {
    this.#recorder = new Recorder();
    for (const { session } of this.#networks) this.#recorder.add(session);
    setText(this.#button, 'Stop and save');
    this.#tell();
  }

  #save(recorder: Recorder): void {
    this.#recorder = undefined;
    setText(this.#button, 'Record');
    const text = recorder.stop();
    const href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    el('a', { href, download: `cutpoint-${new Date().toISOString().replaceAll(':', '-')}.json` }).click();
    URL.revokeObjectURL(href);
    setText(this.#status, `Saved ${plural(recorder.numDecisions, 'decision')}, ${formatBytes(text.length)}.`);
  }

  #tell(): void {
    if (this.#recorder === undefined) return;
    const { numDecisions, numBytes, isFull } = this.#recorder;
    const full = isFull ? ' The file is as large as it may be: nothing more is recorded.' : '';
    setText(this.#status, `Recording: ${plural(numDecisions, 'decision')}, ${formatBytes(numBytes)}.${full}`);
  }

  async #load(): Promise<void> {
    const [file] = this.#file.files ?? [];
    // The same file may be chosen once more.
    this.#file.value = '';
    if (file === undefined) return;
    try {
      this.#replayed = replayRecording(readRecording(await file.text()));
    } catch (error) {
      this.#replayed = [];
      setText(this.#status, error instanceof Error ? error.message : String(error));
    }
    this.#replay.hidden = this.#replayed.length === 0;
    if (this.#replayed.length === 0) return;
    const differing = this.#replayed.flatMap(({ difference }, index) => (difference === undefined ? [] : [index]));
    this.#step.max = String(this.#replayed.length - 1);
    this.#step.value = String(differing[0] ?? 0);
    const [first] = differing;
    setText(
      this.#status,
      first === undefined
        ? `${file.name}: decided again, all ${this.#replayed.length} are the same.`
        : `${file.name}: ${differing.length} of ${this.#replayed.length} decide differently now, the first is number ${first + 1}.`,
    );
    this.#draw();
  }

  #draw(): void {
    const index = Number(this.#step.value);
    const shown = this.#replayed[index];
    if (shown === undefined) return;
    const { recorded, plan, difference } = shown;
    const { decided, input, model } = recorded;
    const before = this.#replayed.findLast((other, at) => at < index && other.recorded.model === model)?.plan;
    const why = plan === undefined ? '' : ` Why: ${explainPlan(plan, before)}.`;
    const verdict = difference === undefined ? 'the same now' : `different: ${difference}`;
    const words = `${index + 1} of ${this.#replayed.length}, ${model}: cut ${decided.cut}, ${decided.codec}; ${verdict}.${why}`;
    setText(this.#words, words);
    this.#words.dataset.same = String(difference === undefined);
    this.#step.setAttribute('aria-valuetext', words);
    const { uplink, queueMs, k, d } = input.conditions;
    const measured = [`up ${formatRate(uplink.value)}`, `queue ${formatMs(queueMs.value)}`];
    setText(this.#conditions, [...measured, `k ${k.value.toFixed(2)}`, `d ${d.value.toFixed(2)}`].join(', '));
    this.#timeline.replaceChildren(...drawTimeline(this.#replayed, index));
    this.#whatIf.show(plan, input.constraints);
  }
}
