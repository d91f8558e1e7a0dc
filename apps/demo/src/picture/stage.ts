import { svg } from '../dom.js';
import type { Answer, TextLine } from '../networks/answer.js';
import type { Picture } from './picture.js';

/** Size of the letters on a plate and where they stand, in heights of the plate. */
const FONT_HEIGHT = 0.72;
const BASELINE = 0.74;
/** Share of a plate's width that letters may take, and how far they may be stretched to take it. */
const ROOM = 0.96;
const MAX_STRETCH = 1.2;

interface Plate {
  readonly element: SVGElement;
  readonly words: SVGTextElement;
  readonly width: number;
}

/** The picture, with what was found drawn over it. */
export class Stage {
  readonly #canvas: HTMLCanvasElement;
  readonly #overlay: SVGSVGElement;
  #lines: readonly TextLine[] = [];
  #withText = true;

  constructor(canvas: HTMLCanvasElement, overlay: SVGSVGElement) {
    this.#canvas = canvas;
    this.#overlay = overlay;
    // The picture is as wide as its panel lets it be; the drawing lies exactly on it.
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  show({ bitmap, name }: Picture): void {
    this.#canvas.width = bitmap.width;
    this.#canvas.height = bitmap.height;
    this.#canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
    this.#canvas.setAttribute('aria-label', `The picture: ${name}`);
    this.#overlay.setAttribute('viewBox', `0 0 ${bitmap.width} ${bitmap.height}`);
    this.showAnswer(undefined);
  }

  showAnswer(answer: Answer | undefined): void {
    this.#lines = answer?.kind === 'text' ? answer.lines : [];
    this.#draw();
  }

  /** A picture that no network looks at is not shown as if one did. */
  setUsed(isUsed: boolean): void {
    this.#canvas.classList.toggle('unused', !isUsed);
    this.#canvas.title = isUsed ? '' : 'The network that is chosen takes no picture.';
  }

  /** Whether the words that were read cover the picture, or boxes only. */
  setWithText(withText: boolean): void {
    this.#withText = withText;
    this.#draw();
  }

  #fit(): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    this.#overlay.style.width = `${width}px`;
    this.#overlay.style.height = `${height}px`;
  }

  #draw(): void {
    const plates = this.#withText ? this.#lines.flatMap((line) => plate(line) ?? []) : [];
    this.#overlay.replaceChildren(...plates.map(({ element }) => element), ...this.#lines.flatMap(outline));
    // Only what is in the document has a length.
    for (const { words, width } of plates) fitWords(words, width);
  }
}

function outline({ corners }: TextLine): SVGElement[] {
  const points = corners.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' ');
  return [svg('polygon', { points, class: 'halo' }), svg('polygon', { points })];
}

/**
 * The text that was read, on a plate that covers its line exactly: beside it, it would cover the neighbours.
 */
function plate({ corners, text }: TextLine): Plate | undefined {
  if (text === undefined || text === '') return undefined;
  const [topLeft, topRight, , bottomLeft] = corners;
  const width = Math.hypot(topRight[0] - topLeft[0], topRight[1] - topLeft[1]);
  const height = Math.hypot(bottomLeft[0] - topLeft[0], bottomLeft[1] - topLeft[1]);
  const degrees = (Math.atan2(topRight[1] - topLeft[1], topRight[0] - topLeft[0]) * 180) / Math.PI;
  const place = { x: width / 2, y: height * BASELINE, 'font-size': height * FONT_HEIGHT, 'text-anchor': 'middle' };
  const words = svg('text', place, text);
  const transform = `translate(${topLeft[0]} ${topLeft[1]}) rotate(${degrees.toFixed(2)})`;
  return { element: svg('g', { class: 'plate', transform }, svg('rect', { width, height }), words), words, width };
}

/** Squeezes or stretches the words to their line, whatever the font; a lone digit stays in its shape. */
function fitWords(words: SVGTextElement, width: number): void {
  const length = Math.min(width * ROOM, words.getComputedTextLength() * MAX_STRETCH);
  words.setAttribute('textLength', String(length));
  words.setAttribute('lengthAdjust', 'spacingAndGlyphs');
}
