/** The page's fixed elements, found once. A missing one is a fault of the page itself, so it throws. */
export function byId<T extends Element>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}.`);
  return found;
}

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string;

/** An HTML element with attributes; `undefined` and `false` leave one out, `true` sets it empty. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/** Sets text only when it differs, so that live regions stay quiet and selections survive. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function setAttributes(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** Runs `draw` at most once in `everyMs`, the last call always honoured, and never while the page is hidden. */
export function throttled(draw: () => void, everyMs: number): () => void {
  let isPlanned = false;
  let lastMs = -Infinity;
  const drawNow = (): void => {
    if (document.hidden) {
      document.addEventListener('visibilitychange', drawNow, { once: true });
      return;
    }
    isPlanned = false;
    lastMs = performance.now();
    draw();
  };
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(drawNow, Math.max(0, lastMs + everyMs - performance.now()));
  };
}
