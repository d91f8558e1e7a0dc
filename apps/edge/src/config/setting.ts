/** One thing that an operator can set, by flag, environment or file. */
export interface Setting<T> {
  /** What {@link accept} takes, in words that follow "it must be". */
  readonly expected: string;
  readonly fallback: T;
  /** One line for the usage. */
  readonly help: string;
  /** How its value is written in the usage; absent for a switch. */
  readonly placeholder?: string;
  /** Is never shown, neither in the log nor in an error. */
  readonly isSecret?: boolean;
  /** Names a file or folder: in a file of settings it starts at that file's folder. */
  readonly isPath?: boolean;
  /** The JSON value that texts of a flag or an environment variable stand for. */
  readonly fromTexts: (texts: readonly string[]) => unknown;
  /** The value, or `undefined` when it is wrong. */
  readonly accept: (json: unknown) => T | undefined;
}

type Described<T> = Pick<Setting<T>, 'fallback' | 'help'>;

const last = (texts: readonly string[]): unknown => texts.at(-1);

export function integer<T extends number | undefined>(
  least: number,
  most: number,
  described: Described<T>,
): Setting<T | number> {
  return {
    ...described,
    expected: `a whole number from ${least} to ${most}`,
    placeholder: '<n>',
    fromTexts: (texts) => {
      const text = texts.at(-1) ?? '';
      return /^\d+$/.test(text) ? Number(text) : text;
    },
    accept: (json) =>
      typeof json === 'number' && Number.isInteger(json) && json >= least && json <= most ? json : undefined,
  };
}

export function text<T extends string | undefined>(placeholder: string, described: Described<T>): Setting<T | string> {
  return {
    ...described,
    expected: 'a text',
    placeholder: `<${placeholder}>`,
    fromTexts: last,
    accept: (json) => (typeof json === 'string' && json !== '' ? json : undefined),
  };
}

export function path<T extends string | undefined>(placeholder: string, described: Described<T>): Setting<T | string> {
  return { ...text(placeholder, described), expected: 'a path', isPath: true };
}

export function toggle(described: Described<boolean>): Setting<boolean> {
  const words: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };
  return {
    ...described,
    expected: 'true or false',
    fromTexts: (texts) => words[texts.at(-1) ?? ''] ?? texts.at(-1),
    accept: (json) => (typeof json === 'boolean' ? json : undefined),
  };
}

export function choice<const C extends string, T extends C | undefined>(
  placeholder: string,
  choices: readonly C[],
  described: Described<T>,
): Setting<T | C> {
  return {
    ...described,
    expected: `one of ${choices.join(', ')}`,
    placeholder: `<${placeholder}>`,
    fromTexts: last,
    accept: (json) => choices.find((known) => known === json),
  };
}

interface Item<T extends string> {
  readonly placeholder: string;
  readonly expected: string;
  /** The item in its usual form, or `undefined` when it is wrong. */
  readonly accept: (text: string) => T | undefined;
  readonly isSecret?: boolean;
}

/** Several of a kind: a flag may be repeated, the environment separates by commas, a file has an array. */
export function list<T extends string>(
  { placeholder, expected, accept, isSecret = false }: Item<T>,
  help: string,
): Setting<readonly T[]> {
  return {
    help,
    fallback: [],
    isSecret,
    expected,
    placeholder: `<${placeholder}>`,
    fromTexts: (texts) => texts.flatMap((text) => text.split(',').map((item) => item.trim())),
    accept: (json) => {
      if (!Array.isArray(json)) return undefined;
      const items = json.map((item) => (typeof item === 'string' ? accept(item) : undefined));
      return items.every((item) => item !== undefined) ? items : undefined;
    },
  };
}
