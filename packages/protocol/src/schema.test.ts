import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  count,
  list,
  Mismatch,
  mapOf,
  nullable,
  type Output,
  object,
  oneOf,
  optional,
  tagged,
  text,
  triple,
} from './schema.js';

const person = object({
  name: text,
  age: optional(count),
  friends: list(object({ name: text })),
  best: nullable(text),
});

function mismatch(read: () => unknown): Mismatch {
  try {
    read();
  } catch (error) {
    if (error instanceof Mismatch) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('an object', () => {
  it('has the keys that its schema names, and no others', () => {
    const right = { name: 'Ada', age: 36, friends: [{ name: 'Charles' }], best: null };
    expect(person({ ...right, secret: 1 })).toEqual(right);
    expectTypeOf<Output<typeof person>>().toEqualTypeOf<{
      name: string;
      age?: number | undefined;
      friends: { name: string }[];
      best: string | null;
    }>();
  });

  it('may lack what is optional, and nothing else', () => {
    expect(person({ name: 'Ada', friends: [], best: 'Charles' })).not.toHaveProperty('age');
    expect(mismatch(() => person({ age: 36, friends: [], best: null })).path).toBe('name');
  });

  it('has no key by inheritance', () => {
    const empty = object({ constructor: text });
    expect(mismatch(() => empty({})).path).toBe('constructor');
  });

  it('says where it is wrong, from outside to inside, and with what', () => {
    const wrong = mismatch(() => person({ name: 'Ada', friends: [{ name: 'Charles' }, { name: 7 }], best: null }));
    expect(wrong).toMatchObject({ path: 'friends.1.name', message: '7 is not a text' });
  });

  it('is quoted in short', () => {
    const long = mismatch(() => person({ name: ['x'.repeat(10_000)], friends: [], best: null }));
    expect(long.message.length).toBeLessThan(200);
  });
});

it('one of several is told apart by its type', () => {
  const shape = tagged({ circle: { radius: count }, square: { side: count } });
  expect(shape({ type: 'circle', radius: 2, side: 3 })).toEqual({ type: 'circle', radius: 2 });
  expect(mismatch(() => shape({ type: 'square', radius: 2 })).path).toBe('side');
  for (const type of ['toString', '__proto__', undefined, 1]) {
    expect(mismatch(() => shape({ type, radius: 2 })).path).toBe('type');
  }
});

it('a map keeps every key, that of the prototype too', () => {
  const given: unknown = JSON.parse('{"__proto__": 1, "a": 2}');
  expect(Object.entries(mapOf(count)(given))).toEqual([
    ['__proto__', 1],
    ['a', 2],
  ]);
});

it('three are three', () => {
  expect(triple(count)([1, 2, 3])).toEqual([1, 2, 3]);
  for (const wrong of [[1, 2], [1, 2, 3, 4], [1, 2, -3], { 0: 1, 1: 2, 2: 3 }]) mismatch(() => triple(count)(wrong));
});

it('whatever comes is taken as it is or refused with a mismatch', () => {
  const schemas = [text, count, oneOf(['a', 'b']), list(text), mapOf(count), person];
  fc.assert(
    fc.property(fc.constantFrom(...schemas), fc.jsonValue(), (schema, value) => {
      try {
        expect({ value }).toMatchObject({ value: schema(value) });
      } catch (error) {
        if (!(error instanceof Mismatch)) throw error;
      }
    }),
  );
});
