import samples from 'virtual:embed-samples';
import { byId, el, setText } from '../dom.js';
import { EDGE_URL } from '../edge-info.js';
import { type EmbedTarget, fill } from '../embed/fill.js';
import type { Network } from '../networks/reader.js';
import { EDGE_TOKEN } from '../token.js';

const COPIED_FOR_MS = 2_000;
/** While nothing is open, and for networks that take no picture: the docs' own. */
const DOCS_TARGET: Pick<EmbedTarget, 'model' | 'task'> = { model: 'ppocr-rec', task: 'text-recognition' };

/** The documentation's samples with this edge and the model that is open, to be copied. */
export class EmbedPanel {
  readonly #status = el('p', { class: 'muted', role: 'status', 'data-testid': 'embed-status' });
  readonly #note = el('p', { class: 'notice', 'data-testid': 'embed-note', hidden: true });
  readonly #shown = samples.map(({ title, source }) => ({ title, source, code: el('code') }));

  constructor() {
    const setUps = samples.map(({ title, install }, index) =>
      el(
        'details',
        // One at a time: opening another closes it.
        { name: 'embed', open: index === 0, 'data-testid': `embed-${testIdOf(title)}` },
        el('summary', {}, title),
        el(
          'div',
          { class: 'setup' },
          this.#block('Install', install),
          this.#block(title, this.#shown[index]?.code ?? ''),
        ),
      ),
    );
    byId('embed', HTMLElement).append(this.#note, ...setUps, this.#status);
    this.setNetworks([]);
  }

  /** Of two networks that work together the last one gives the answer. */
  setNetworks(networks: readonly Network[]): void {
    const { manifest } = networks.at(-1)?.session ?? {};
    const takesPictures = manifest?.variants.some(({ kind }) => kind === 'pixels') === true;
    const target = manifest && takesPictures ? { model: manifest.model, task: manifest.task.type } : DOCS_TARGET;
    const edge = new URL(EDGE_URL).origin;
    for (const { source, code } of this.#shown) setText(code, fill(source, { ...target, edge }));
    const notes = [
      manifest && !takesPictures
        ? `${manifest.model} takes no picture, so these name ${DOCS_TARGET.model}; with tensors it is session.run(feeds).`
        : '',
      EDGE_TOKEN === undefined ? '' : 'This edge asks for a token: give connect one from a server of yours, as token.',
    ].filter(Boolean);
    this.#note.hidden = notes.length === 0;
    setText(this.#note, notes.join(' '));
  }

  #block(title: string, content: HTMLElement | string): HTMLElement {
    const text = el('pre', { tabindex: 0, role: 'region', 'aria-label': `${title}, code` }, content);
    const button = el('button', { type: 'button' }, 'Copy');
    button.setAttribute('aria-label', `Copy: ${title}`);
    button.addEventListener('click', () => void this.#copy(title, text, button));
    return el('div', { class: 'code' }, text, button);
  }

  async #copy(title: string, text: HTMLElement, button: HTMLElement): Promise<void> {
    const isCopied = await copyText(text);
    setText(
      this.#status,
      isCopied
        ? `Copied: ${title}.`
        : 'This browser gives no clipboard to this page: the text is selected, copy it yourself.',
    );
    if (!isCopied) return;
    setText(button, 'Copied');
    setTimeout(() => setText(button, 'Copy'), COPIED_FOR_MS);
  }
}

/** A page that came over plain http from another machine has no clipboard; then the text is at least selected. */
async function copyText(element: HTMLElement): Promise<boolean> {
  // The type promises a clipboard; outside a secure context there is none.
  const clipboard: Clipboard | undefined = navigator.clipboard;
  try {
    if (clipboard !== undefined) {
      await clipboard.writeText(element.textContent ?? '');
      return true;
    }
  } catch {
    // Refused: as if there were none.
  }
  getSelection()?.selectAllChildren(element);
  return false;
}

function testIdOf(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}
