import type { ModelStatus } from '@cutpoint/client';
import { byId, el, setText } from '../dom.js';
import { Reader } from '../networks/reader.js';
import { OCR } from '../page-state.js';

/** The list of what the page can do, and the warning beside the answer of a network that was never trained. */
export class ModelChooser {
  readonly #select = byId('model', HTMLSelectElement);
  readonly #untrained = byId('untrained', HTMLElement);
  #choice: string;
  #models: readonly ModelStatus[] = [];

  constructor(choice: string, onChoose: (choice: string) => void) {
    this.#choice = choice;
    this.#select.addEventListener('change', () => {
      this.#choice = this.#select.value;
      this.#draw();
      onChoose(this.#choice);
    });
    this.#draw();
  }

  /** @param models what the edge has, in its own order */
  setModels(models: readonly ModelStatus[]): void {
    this.#models = models;
    this.#draw();
  }

  #draw(): void {
    const byName = new Map(this.#models.map((model) => [model.name, model]));
    const chosen = byName.get(this.#choice);
    this.#untrained.hidden = chosen?.untrained !== true;
    setText(this.#untrained, chosen?.untrained === true ? chosen.description : '');

    const parts = Reader.modelsOf(OCR);
    const ocr = parts.flatMap((name) => byName.get(name) ?? []);
    const canRead = ocr.length === parts.length;
    const trained = this.#models.filter(({ untrained }) => untrained !== true);
    const untrained = this.#models.filter((model) => model.untrained === true);
    const options = (models: readonly ModelStatus[]) =>
      models.map((model) => this.#option(model.name, model.name, [model]));
    const isKnown = this.#choice === OCR ? canRead : chosen !== undefined;
    this.#select.replaceChildren(
      ...(isKnown ? [] : [this.#option(this.#choice, `${this.#choice} (not at this edge)`, [])]),
      ...(canRead ? [this.#option(OCR, 'Read text, two networks', ocr)] : []),
      ...options(trained),
      ...(untrained.length === 0
        ? []
        : [el('optgroup', { label: 'Benchmark networks (untrained)' }, ...options(untrained))]),
    );
  }

  #option(value: string, words: string, parts: readonly ModelStatus[]): HTMLOptionElement {
    const unready = parts.find(({ status }) => status !== 'ready');
    return el('option', { value, selected: value === this.#choice }, `${words}${noteOf(unready)}`);
  }
}

function noteOf(model: ModelStatus | undefined): string {
  if (model === undefined) return '';
  if (model.status === 'on-demand') return ' (prepared when chosen)';
  const { progress } = model;
  const steps =
    model.status !== 'preparing' || progress === undefined || progress.total === 0
      ? ''
      : `: ${progress.stage}, ${progress.done} of ${progress.total}`;
  return ` (${model.status}${steps})`;
}
