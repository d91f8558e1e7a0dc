import { svg } from '../dom.js';
import type { Answer, TextLine } from '../networks/answer.js';
import type { Picture } from './picture.js';

/** Size of the letters on a plate and where they stand, in heights of the plate. */
const FONT_HEIGHT = 0.72;
const BASELINE = 0.74;

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
    this.#overlay.replaceChildren(...plates, ...this.#lines.flatMap(outline));
  }
}

function outline({ corners }: TextLine): SVGElement[] {
  const points = corners.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' ');
  return [svg('polygon', { points, class: 'halo' }), svg('polygon', { points })];
}

/**
 * The text that was read, on a plate that covers its line exactly: beside it, it would cover the neighbours. Both are
 * stretched to the box, whatever the font.
 */
function plate({ corners, text }: TextLine): SVGElement | undefined {
  if (text === undefined || text === '') return undefined;
  const [topLeft, topRight, , bottomLeft] = corners;
  const width = Math.hypot(topRight[0] - topLeft[0], topRight[1] - topLeft[1]);
  const height = Math.hypot(bottomLeft[0] - topLeft[0], bottomLeft[1] - topLeft[1]);
  const degrees = (Math.atan2(topRight[1] - topLeft[1], topRight[0] - topLeft[0]) * 180) / Math.PI;
  const words = svg('text', { x: width * 0.02, y: height * BASELINE, 'font-size': height * FONT_HEIGHT }, text);
  words.setAttribute('textLength', String(width * 0.96));
  words.setAttribute('lengthAdjust', 'spacingAndGlyphs');
  const transform = `translate(${topLeft[0]} ${topLeft[1]}) rotate(${degrees.toFixed(2)})`;
  return svg('g', { class: 'plate', transform }, svg('rect', { width, height }), words);
}
