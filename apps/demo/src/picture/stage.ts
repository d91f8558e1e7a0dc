import { svg } from '../dom.js';
import type { Answer, TextLine } from '../networks/answer.js';
import type { Picture } from './picture.js';

/** Smallest letters of a tag, in CSS pixels on the screen. */
const MIN_TAG_PX = 11;
/** Height of a tag's letters in heights of its line. */
const TAG_HEIGHT = 0.5;

/** The picture, with what was found drawn over it. */
export class Stage {
  readonly #canvas: HTMLCanvasElement;
  readonly #overlay: SVGSVGElement;
  #lines: readonly TextLine[] = [];

  constructor(canvas: HTMLCanvasElement, overlay: SVGSVGElement) {
    this.#canvas = canvas;
    this.#overlay = overlay;
    // Tags keep a readable size on the screen, so they are laid again when the picture's size there changes.
    new ResizeObserver(() => this.#draw()).observe(canvas);
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

  #draw(): void {
    const { width, height } = this.#canvas.getBoundingClientRect();
    this.#overlay.style.width = `${width}px`;
    this.#overlay.style.height = `${height}px`;
    const pictureByScreen = this.#canvas.width / Math.max(1, width);
    this.#overlay.replaceChildren(
      ...this.#lines.flatMap(outline),
      ...this.#lines.flatMap((line) => tag(line, pictureByScreen) ?? []),
    );
  }
}

function outline({ corners }: TextLine): SVGElement[] {
  const points = corners.map((point) => point.map((value) => value.toFixed(1)).join(',')).join(' ');
  return [svg('polygon', { points, class: 'halo' }), svg('polygon', { points })];
}

/** The text that was read, on a small plate along the upper edge of its box. */
function tag({ corners, text }: TextLine, pictureByScreen: number): SVGElement | undefined {
  if (text === undefined || text === '') return undefined;
  const [topLeft, topRight, , bottomLeft] = corners;
  const lineWidth = Math.hypot(topRight[0] - topLeft[0], topRight[1] - topLeft[1]);
  const lineHeight = Math.hypot(bottomLeft[0] - topLeft[0], bottomLeft[1] - topLeft[1]);
  const fontSize = Math.max(MIN_TAG_PX * pictureByScreen, Math.min(lineHeight, lineWidth) * TAG_HEIGHT);
  const degrees = (Math.atan2(topRight[1] - topLeft[1], topRight[0] - topLeft[0]) * 180) / Math.PI;
  // Letters of a system font are a little over half as wide as high; textLength makes the plate fit exactly.
  const width = Math.max(fontSize, text.length * fontSize * 0.54);
  const words = svg(
    'text',
    { class: 'tag-words', x: fontSize * 0.25, y: -fontSize * 0.25, 'font-size': fontSize, textLength: width },
    text,
  );
  words.setAttribute('lengthAdjust', 'spacingAndGlyphs');
  return svg(
    'g',
    { class: 'tag', transform: `translate(${topLeft[0]} ${topLeft[1]}) rotate(${degrees.toFixed(2)})` },
    svg('rect', {
      class: 'tag-plate',
      x: 0,
      y: -fontSize * 1.2,
      width: width + fontSize * 0.5,
      height: fontSize * 1.2,
    }),
    words,
  );
}
