/**
 * The few schemas that the wire needs. They are in every page that embeds the client, where a library of schemas would be
 * a tenth of it.
 */

// Types are written out as mapped types in two places, so that whoever reads them sees properties, not the names of helpers.

/** Gives the value as it was checked, without keys that are not named, or throws a {@link Mismatch}. */
export type Schema<T> = (value: unknown) => T;
export type Output<S> = S extends Schema<infer T> ? { [K in keyof T]: T[K] } : never;

/** A value that is not what its schema says, and the way to it, innermost key first. */
export class Mismatch extends Error {
  readonly keys: (string | number)[] = [];

  /** From outside to inside: `cuts.3.headMs`. */
  get path(): string {
    return [...this.keys].reverse().join('.');
  }
}

/* @__NO_SIDE_EFFECTS__ */
function where<T>(what: string, holds: (value: unknown) => boolean): Schema<T> {
  return (value) => {
    if (holds(value)) return value as T;
    throw new Mismatch(`${shown(value)} is not ${what}`);
  };
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export const text = /* @__PURE__ */ where<string>('a text', (value) => typeof value === 'string');
export const flag = /* @__PURE__ */ where<boolean>('true or false', (value) => typeof value === 'boolean');
export const finite = /* @__PURE__ */ where<number>('a number', isNumber);
/** Ms, factors, rates. */
export const quantity = /* @__PURE__ */ where<number>('a number from 0 up', (value) => isNumber(value) && value >= 0);
export const share = /* @__PURE__ */ where<number>(
  'a number from 0 to 1',
  (value) => isNumber(value) && value >= 0 && value <= 1,
);
export const count = /* @__PURE__ */ countWithin(0, Number.POSITIVE_INFINITY);
export const sha256Schema = /* @__PURE__ */ where<string>('a sha256 in lower-case hex', isSha256);

export function isSha256(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

/* @__NO_SIDE_EFFECTS__ */
export function countWithin(least: number, most: number): Schema<number> {
  return where(
    `a whole number from ${least} to ${most}`,
    (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  );
}

/* @__NO_SIDE_EFFECTS__ */
export function textUpTo(mostLength: number): Schema<string> {
  return where(`a text of at most ${mostLength} characters`, (value) => text(value).length <= mostLength);
}

/* @__NO_SIDE_EFFECTS__ */
export function oneOf<const T extends string>(words: readonly T[]): Schema<T> {
  return where(`one of ${words.join(', ')}`, (value) => words.some((word) => word === value));
}

/* @__NO_SIDE_EFFECTS__ */
export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return (value) => (value === null ? null : schema(value));
}

const OPTIONAL = Symbol('optional');
/** A key that may be absent. */
interface Optional<T> extends Schema<T | undefined> {
  readonly [OPTIONAL]: true;
}

/* @__NO_SIDE_EFFECTS__ */
export function optional<T>(schema: Schema<T>): Optional<T> {
  const read: Schema<T | undefined> = (value) => (value === undefined ? undefined : schema(value));
  return Object.assign(read, { [OPTIONAL]: true } as const);
}

/** A key whose value counts as absent where it is wrong: nothing depends on it. */
/* @__NO_SIDE_EFFECTS__ */
export function orAbsent<T>(schema: Schema<T>): Optional<T> {
  const read: Schema<T | undefined> = (value) => {
    try {
      return schema(value);
    } catch {
      return undefined;
    }
  };
  return Object.assign(read, { [OPTIONAL]: true } as const);
}

/* @__NO_SIDE_EFFECTS__ */
export function list<T>(schema: Schema<T>): Schema<T[]> {
  return (value) => {
    if (!Array.isArray(value)) throw new Mismatch(`${shown(value)} is not a list`);
    return value.map((item, index) => within(index, schema, item));
  };
}

/* @__NO_SIDE_EFFECTS__ */
export function triple<T>(schema: Schema<T>): Schema<[T, T, T]> {
  const items = list(schema);
  return (value) => {
    const [first, second, third, ...more] = items(value);
    if (first === undefined || second === undefined || third === undefined || more.length > 0) {
      throw new Mismatch(`${shown(value)} is not a list of three`);
    }
    return [first, second, third];
  };
}

/** Any keys, the values all of one kind. */
/* @__NO_SIDE_EFFECTS__ */
export function mapOf<T>(schema: Schema<T>): Schema<Record<string, T>> {
  return (value) => {
    const given = Object.entries(asObject(value));
    return Object.fromEntries(given.map(([key, item]) => [key, within(key, schema, item)]));
  };
}

type Shape = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<S> = { [K in keyof S]: S[K] extends Optional<unknown> ? K : never }[keyof S];
type Flat<T> = { [K in keyof T]: T[K] };
export type ObjectOf<S extends Shape> = Flat<
  { [K in Exclude<keyof S, OptionalKeys<S>>]: Output<S[K]> } & { [K in OptionalKeys<S>]?: Output<S[K]> }
>;

/* @__NO_SIDE_EFFECTS__ */
export function object<S extends Shape>(shape: S): Schema<{ [K in keyof ObjectOf<S>]: ObjectOf<S>[K] }> {
  const keys = Object.keys(shape);
  return (value) => {
    const given = asObject(value);
    const read: Record<string, unknown> = {};
    for (const key of keys) {
      const schema = shape[key];
      // What is inherited was not sent.
      const item = Object.hasOwn(given, key) ? given[key] : undefined;
      const checked = schema && within(key, schema, item);
      if (checked !== undefined) read[key] = checked;
    }
    // Each key was read by its own schema.
    return read as ObjectOf<S>;
  };
}

type Tagged<T extends Readonly<Record<string, Shape>>> = {
  [K in keyof T & string]: Flat<{ type: K } & ObjectOf<T[K]>>;
}[keyof T & string];

/** One of several objects, told apart by their `type`. */
/* @__NO_SIDE_EFFECTS__ */
export function tagged<T extends Readonly<Record<string, Shape>>>(shapes: T): Schema<Tagged<T>> {
  const type = oneOf(Object.keys(shapes));
  const schemas = new Map(Object.entries(shapes).map(([name, shape]) => [name, object({ type, ...shape })]));
  return (value) => {
    const name = within('type', type, asObject(value).type);
    // The schema of that very name.
    return schemas.get(name)?.(value) as Tagged<T>;
  };
}

function within<T>(key: string | number, schema: Schema<T>, value: unknown): T {
  try {
    return schema(value);
  } catch (error) {
    if (error instanceof Mismatch) error.keys.push(key);
    throw error;
  }
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Mismatch(`${shown(value)} is not an object`);
}

/** Messages quote what they were given, which may be long. */
function shown(value: unknown): string {
  const json = String(JSON.stringify(value));
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}
