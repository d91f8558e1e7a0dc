/**
 * Decisions depend on hundreds of arms and their factors, and most of these are the same from one decision to the next. So
 * each object and list is written once, in a list of values, and named by its place there: `#12`. What JSON has no word for
 * is written as a name as well, and a text that begins like one has another `#` before it.
 */

const WORDS: ReadonlyMap<string, number> = new Map([
  ['#Infinity', Number.POSITIVE_INFINITY],
  ['#-Infinity', Number.NEGATIVE_INFINITY],
  ['#NaN', Number.NaN],
]);

/** Writes values, each once. */
export class ValueWriter {
  /** As JSON. */
  readonly values: string[] = [];
  readonly #byText = new Map<string, string>();
  readonly #byIdentity = new WeakMap<object, string>();
  #numBytes = 0;

  /** Characters of all values. */
  get numBytes(): number {
    return this.#numBytes;
  }

  /** @returns the value as it stands in JSON: itself, or its name */
  write(value: unknown): unknown {
    if (typeof value === 'number') return Number.isFinite(value) ? value : `#${value}`;
    if (typeof value === 'string') return value.startsWith('#') ? `#${value}` : value;
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#byIdentity.get(value);
    if (known !== undefined) return known;
    const text = JSON.stringify(
      Array.isArray(value)
        ? value.map((item: unknown) => this.write(item))
        : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.write(item)])),
    );
    const name = this.#byText.get(text) ?? this.#add(text);
    this.#byIdentity.set(value, name);
    return name;
  }

  #add(text: string): string {
    const name = `#${this.values.length}`;
    this.values.push(text);
    this.#numBytes += text.length + 1;
    this.#byText.set(text, name);
    return name;
  }
}

/**
 * The values behind their names, in order.
 * @throws RangeError for a name of what is not written before it
 */
export function readValues(written: readonly unknown[]): readonly unknown[] {
  const values: unknown[] = [];
  for (const item of written) {
    if (Array.isArray(item)) values.push(item.map((part: unknown) => readValue(part, values)));
    else if (typeof item === 'object' && item !== null) {
      values.push(Object.fromEntries(Object.entries(item).map(([key, part]) => [key, readValue(part, values)])));
    } else values.push(readValue(item, values));
  }
  return values;
}

export function readValue(written: unknown, values: readonly unknown[]): unknown {
  if (typeof written !== 'string' || !written.startsWith('#')) return written;
  if (written.startsWith('##')) return written.slice(1);
  const word = WORDS.get(written);
  if (word !== undefined) return word;
  const index = Number(written.slice(1));
  if (!/^#\d+$/.test(written) || index >= values.length) throw new RangeError(`${written} names no value before it`);
  return values[index];
}
