import { byId, el, setText } from '../dom.js';
import { plural } from '../format.js';
import type { Reading } from '../networks/answer.js';
import { Batch, type BatchItem, type ItemState } from '../picture/batch.js';
import type { Brought } from '../picture/files.js';
import { MAX_FILES } from '../picture/files.js';
import type { Picture } from '../picture/picture.js';
import { describeBriefly } from './answer.js';

const STATE_WORDS: Readonly<Record<ItemState, string>> = {
  waiting: 'waiting',
  running: 'being read',
  done: '',
  failed: 'failed: ',
  stopped: 'not read, stopped before',
};

interface BatchEvents {
  readonly onRead: (reading: Reading, picture: Picture) => void;
  /** All of them are done, or were left out. */
  readonly onOver: (words: string) => void;
}

/** Shows what was brought; it is read when somebody runs the batch. */
export function startBatch(brought: Brought, { onRead, onOver }: BatchEvents): Batch {
  const panel = new BatchPanel();
  const batch: Batch = new Batch(brought.files, {
    describe: describeBriefly,
    onRead,
    onChange(index, item) {
      panel.showItem(batch, index, item);
      if (batch.isOver) onOver(panel.summarise(batch));
    },
  });
  panel.show(batch, brought, () => batch.stop());
  return batch;
}

/** Several pictures: how far it is as a whole, a result for each, and a way to stop. */
class BatchPanel {
  readonly #panel = byId('batch', HTMLElement);
  readonly #bar = byId('batch-bar', HTMLProgressElement);
  readonly #words = byId('batch-words', HTMLElement);
  readonly #note = byId('batch-note', HTMLElement);
  readonly #list = byId('batch-list', HTMLElement);
  readonly #stop = byId('batch-stop', HTMLButtonElement);
  #rows: HTMLElement[] = [];

  show(batch: Batch, { numOthers, isCutShort }: Brought, onStop: () => void): void {
    this.#panel.hidden = false;
    this.#stop.onclick = onStop;
    this.#rows = batch.items.map((item) => el('li', {}, el('b', {}, item.file.name), el('span')));
    this.#list.replaceChildren(...this.#rows);
    // Longer than its box, it is scrolled by keys as well.
    this.#list.tabIndex = 0;
    const notes = [
      numOthers > 0 ? `${plural(numOthers, 'file')} beside them ${numOthers === 1 ? 'is' : 'are'} no picture.` : '',
      isCutShort ? `Only the first ${MAX_FILES} are taken.` : '',
    ];
    setText(this.#note, notes.filter(Boolean).join(' '));
    for (const [index, item] of batch.items.entries()) this.showItem(batch, index, item);
  }

  showItem(batch: Batch, index: number, { state, words }: BatchItem): void {
    const row = this.#rows[index];
    if (row === undefined) return;
    row.dataset.state = state;
    if (row.lastElementChild) setText(row.lastElementChild, `${STATE_WORDS[state]}${words}`);
    // The list alone: the page itself must not move under the reader.
    if (state === 'running') this.#list.scrollTop = row.offsetTop - this.#list.offsetTop;
    this.#showProgress(batch);
  }

  summarise(batch: Batch): string {
    const [failed, stopped] = [batch.count('failed'), batch.count('stopped')];
    const parts = [
      `${batch.count('done')} of ${plural(batch.items.length, 'picture')} read`,
      ...(failed > 0 ? [`${failed} failed`] : []),
      ...(stopped > 0 ? [`${stopped} left out`] : []),
    ];
    return `${parts.join(', ')}.`;
  }

  #showProgress(batch: Batch): void {
    this.#bar.max = batch.items.length;
    this.#bar.value = batch.count('done') + batch.count('failed');
    setText(this.#words, this.summarise(batch));
    this.#stop.disabled = batch.isOver;
  }
}
