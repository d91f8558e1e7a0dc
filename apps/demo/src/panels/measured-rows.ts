import { el, setText, throttled } from '../dom.js';
import type { Heard } from '../play/effects.js';

const REDRAW_EVERY_MS = 250;

/** Controls, each with what is measured of its effect below it. */
export class MeasuredRows {
  readonly #measured = new Map<(heard: Heard) => string, HTMLElement>();
  readonly #redraw = throttled(() => this.#draw(), REDRAW_EVERY_MS);
  #heard: Heard;

  constructor(heard: Heard) {
    this.#heard = heard;
  }

  show(heard: Heard): void {
    this.#heard = heard;
    this.#redraw();
  }

  /** @param name of the control, by which its measurement is found */
  add(title: string, control: HTMLElement, name: string, measure: (heard: Heard) => string): HTMLElement {
    const measured = el('span', {
      class: 'measured number',
      id: `${name}-measured`,
      'data-testid': `${name}-measured`,
    });
    this.#measured.set(measure, measured);
    control.setAttribute('aria-describedby', measured.id);
    setText(measured, measure(this.#heard));
    return el('div', { class: 'effect' }, fieldOf(title, control), el('p', { class: 'muted' }, 'Measured: ', measured));
  }

  #draw(): void {
    for (const [measure, element] of this.#measured) setText(element, measure(this.#heard));
  }
}

function fieldOf(title: string, control: HTMLElement): HTMLElement {
  if (control instanceof HTMLSelectElement) {
    return el('label', { class: 'field' }, el('span', {}, title), control);
  }
  if (control instanceof HTMLInputElement) return el('label', { class: 'check' }, control, title);
  return control;
}
