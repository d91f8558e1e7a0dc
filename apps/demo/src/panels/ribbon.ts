import type { Cut } from '@cutpoint/client';
import { el, setText, svg } from '../dom.js';
import { formatBytes, formatPercent, plural } from '../format.js';
import type { Ribbon } from '../networks/stages.js';

interface RibbonEvents {
  /** A person chose a cut, or gave the choice back. */
  readonly onForce: (cut: number | undefined) => void;
}

/** Pixels of the drawing; it is stretched to the panel. */
const WIDTH = 1000;
const HEIGHT = 96;
const MIN_HEIGHT_SHARE = 0.06;
/** A narrower section has no room for its name on any screen. */
const MIN_NAMED_SHARE = 0.04;
/** Arrow keys held down move the handle at once and run the network when they rest. */
const KEY_REST_MS = 250;

/** One network as a ribbon, cut by a handle that moves by itself and can be grabbed. */
export class RibbonPanel {
  readonly element: HTMLElement;
  readonly #events: RibbonEvents;
  readonly #track: HTMLElement;
  readonly #handle: HTMLElement;
  readonly #head = emptyDrawing('head');
  readonly #tail = emptyDrawing('tail');
  readonly #sections = el('div', { class: 'sections muted', 'aria-hidden': 'true' });
  readonly #input = el('span');
  readonly #why = el('p', { class: 'why', 'data-testid': 'why', 'aria-live': 'polite' });
  readonly #automatic: HTMLButtonElement;
  readonly #where = el('span', { class: 'number', 'data-testid': 'where' });
  readonly #weights = el('span', { class: 'muted number', 'data-testid': 'weights' });
  #ribbon: Ribbon;
  #shown: Cut;
  #forced = false;
  #dragging = false;
  #keyTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(title: string, model: string, ribbon: Ribbon, events: RibbonEvents) {
    this.#events = events;
    this.#ribbon = ribbon;
    this.#shown = ribbon.byId(0);
    this.#handle = el('div', {
      class: 'handle',
      role: 'slider',
      tabindex: 0,
      'aria-label': `Cut of ${title}`,
      'aria-valuemin': 0,
      'data-testid': `cut-${model}`,
    });
    this.#track = el('div', { class: 'ribbon' }, this.#tail, this.#head, this.#handle);
    this.#automatic = el('button', { type: 'button', 'data-testid': `auto-${model}` });
    const nodes = ribbon.cuts.at(-1)?.headNodes ?? 0;
    this.element = el(
      'div',
      { class: 'network', 'data-testid': `network-${model}` },
      el('div', { class: 'row spread' }, el('h3', {}, `${title}: ${model}, ${plural(nodes, 'layer')}`), this.#weights),
      this.#why,
      this.#track,
      this.#sections,
      el('p', { class: 'ends muted' }, this.#input, el('span', {}, 'answer')),
      el('div', { class: 'row spread' }, this.#where, this.#automatic),
    );
    this.setRibbon(ribbon);
    this.#listen();
  }

  /** Another size of the same network: the same cuts, other bytes. */
  setRibbon(ribbon: Ribbon): void {
    this.#ribbon = ribbon;
    for (const drawing of [this.#head, this.#tail]) drawing.replaceChildren(...drawBlocks(ribbon));
    this.#sections.replaceChildren(...nameSections(ribbon));
    this.#handle.setAttribute('aria-valuemax', String(ribbon.cuts.length - 1));
    setText(this.#input, `input, ${formatBytes(ribbon.cuts[0]?.bytesUp ?? 0)}`);
    this.#place(ribbon.byId(this.#shown.id));
  }

  layersAt(cutId: number): { layersHere: number; layers: number } {
    return { layersHere: this.#ribbon.byId(cutId).headNodes, layers: this.#ribbon.cuts.at(-1)?.headNodes ?? 0 };
  }

  /** Where the controller, or the hand before, put the cut. */
  show(cutId: number, forced: boolean, why: string): void {
    this.#forced = forced;
    this.#automatic.disabled = !forced;
    setText(this.#automatic, forced ? 'Let the policy choose' : 'The policy chooses');
    setText(this.#why, why);
    if (this.#dragging || this.#keyTimer !== undefined) return;
    this.#place(this.#ribbon.byId(cutId));
  }

  showWeights(text: string): void {
    setText(this.#weights, text);
  }

  #place(cut: Cut): void {
    this.#shown = cut;
    const at = this.#ribbon.position(cut) * 100;
    this.#handle.style.left = `${at}%`;
    this.#head.style.clipPath = `inset(0 ${100 - at}% 0 0)`;
    this.#tail.style.clipPath = `inset(0 0 0 ${at}%)`;
    const words = describeCut(cut, this.#ribbon);
    this.#handle.setAttribute('aria-valuenow', String(this.#ribbon.cuts.indexOf(cut)));
    this.#handle.setAttribute('aria-valuetext', `${words}${this.#forced ? ', set by hand' : ''}`);
    this.#handle.dataset.cut = String(cut.id);
    setText(this.#where, words);
  }

  #listen(): void {
    this.#automatic.addEventListener('click', () => this.#events.onForce(undefined));
    this.#handle.addEventListener('keydown', (event) => this.#onKey(event));
    const cutAt = (event: PointerEvent): Cut => {
      const { left, width } = this.#track.getBoundingClientRect();
      return this.#ribbon.nearest(Math.min(1, Math.max(0, (event.clientX - left) / Math.max(1, width))));
    };
    this.#track.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.#track.setPointerCapture(event.pointerId);
      this.#dragging = true;
      this.#track.classList.add('dragging');
      this.#place(cutAt(event));
    });
    this.#track.addEventListener('pointermove', (event) => {
      if (this.#dragging) this.#place(cutAt(event));
    });
    const stop = (commit: boolean): void => {
      if (!this.#dragging) return;
      this.#dragging = false;
      this.#track.classList.remove('dragging');
      if (commit) this.#events.onForce(this.#shown.id);
    };
    this.#track.addEventListener('pointerup', () => stop(true));
    this.#track.addEventListener('pointercancel', () => stop(false));
  }

  #onKey(event: KeyboardEvent): void {
    const { cuts, stages } = this.#ribbon;
    const index = cuts.indexOf(this.#shown);
    const stage = Math.max(1, Math.round(cuts.length / Math.max(1, stages.length)));
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -stage,
      PageUp: stage,
      Home: -cuts.length,
      End: cuts.length,
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const cut = cuts[Math.min(cuts.length - 1, Math.max(0, index + step))];
    if (cut === undefined) return;
    this.#place(cut);
    clearTimeout(this.#keyTimer);
    this.#keyTimer = setTimeout(() => {
      this.#keyTimer = undefined;
      this.#events.onForce(cut.id);
    }, KEY_REST_MS);
  }
}

/** The cut in words, for the eye and for the slider's value text. */
function describeCut(cut: Cut, { cuts, sectionAt }: Ribbon): string {
  const nodes = cuts.at(-1)?.headNodes ?? 0;
  const section = sectionAt(cut);
  const place =
    section === undefined ? '' : `, ${cut.headNodes === section.to.headNodes ? 'after' : 'within'} ${section.words}`;
  const [all, crossing] = [plural(nodes, 'layer'), formatBytes(cut.bytesUp)];
  if (cut.headNodes === 0) return `Cut ${cut.id}: all ${all} at the edge, ${crossing} cross`;
  if (cut.headNodes >= nodes) return `Cut ${cut.id}: all ${all} here, nothing crosses`;
  return `Cut ${cut.id}: ${plural(cut.headNodes, 'layer')} here, ${nodes - cut.headNodes} at the edge, ${crossing} cross${place}`;
}

function emptyDrawing(side: 'head' | 'tail'): SVGElement {
  return svg('svg', {
    class: side,
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
}

function drawBlocks(ribbon: Ribbon): SVGElement[] {
  const widest = Math.max(1, ...ribbon.stages.map(({ to }) => to.bytesUp));
  return ribbon.stages.map(({ from, to, left, right, kinds, share }) => {
    // The square root keeps narrow places visible beside wide ones that are a hundred times as wide.
    const height = Math.max(MIN_HEIGHT_SHARE, Math.sqrt(to.bytesUp / widest)) * HEIGHT;
    const words = `Layers ${from.headNodes + 1} to ${to.headNodes}: ${kinds}. ${formatPercent(share)} of the compute. After them ${formatBytes(to.bytesUp)} would cross.`;
    return svg(
      'rect',
      { x: left * WIDTH, y: (HEIGHT - height) / 2, width: (right - left) * WIDTH, height },
      svg('title', {}, words),
    );
  });
}

/** Names below the blocks; one that has no room is left to the pointer. */
function nameSections({ sections, position }: Ribbon): HTMLElement[] {
  return sections.map(({ from, to, label, words }) => {
    const [left, right] = [position(from), position(to)];
    const element = el('span', { title: words }, el('span', {}, right - left < MIN_NAMED_SHARE ? '' : label));
    element.style.left = `${left * 100}%`;
    element.style.width = `${(right - left) * 100}%`;
    return element;
  });
}
