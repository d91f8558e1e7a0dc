import {
  ProtocolError,
  roundToHalves,
  type TensorArray,
  type TensorInfo,
  type TensorType,
  tensorArray,
  tensorBytes,
  valuesOfHalves,
} from '@cutpoint/protocol';
import { quoted } from './contract.js';

/** What an element must be in JSON, and how it is then kept. */
interface ElementRule {
  readonly what: string;
  /** The element, or `undefined` for what cannot be one. */
  read(value: unknown): number | bigint | undefined;
}

/** From here on a number rounds to an infinity of half precision. */
const HALF_OVERFLOW = 65_520;

const RULES: Readonly<Record<TensorType, ElementRule>> = {
  bool: { what: 'true or false', read: truth },
  uint8: integer(0, 2 ** 8 - 1),
  uint16: integer(0, 2 ** 16 - 1),
  uint32: integer(0, 2 ** 32 - 1),
  int8: integer(-(2 ** 7), 2 ** 7 - 1),
  int16: integer(-(2 ** 15), 2 ** 15 - 1),
  int32: integer(-(2 ** 31), 2 ** 31 - 1),
  int64: bigInteger(Number.MIN_SAFE_INTEGER),
  uint64: bigInteger(0),
  float16: float((value) => Math.abs(value) < HALF_OVERFLOW),
  float32: float((value) => Number.isFinite(Math.fround(value))),
  float64: float(Number.isFinite),
};

function truth(value: unknown): number | undefined {
  if (value === true || value === 1) return 1;
  return value === false || value === 0 ? 0 : undefined;
}

function integer(least: number, most: number): ElementRule {
  const fits = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return { what: `a whole number from ${least} to ${most}`, read: (value) => (fits(value) ? value : undefined) };
}

/** JSON's numbers are doubles to most who write them, and to the parser here: larger ones would not be what was sent. */
function bigInteger(least: number): ElementRule {
  const { what, read } = integer(least, Number.MAX_SAFE_INTEGER);
  const readBig = (value: unknown) => {
    const whole = read(value);
    return whole === undefined ? undefined : BigInt(whole);
  };
  return { what: `${what}; others can be sent as binary data`, read: readBig };
}

function float(fits: (value: number) => boolean): ElementRule {
  return {
    what: 'a number that its datatype can hold',
    read: (value) => (typeof value === 'number' && fits(value) ? value : undefined),
  };
}

/**
 * The bytes of a tensor whose elements came as JSON: one flat list, or lists in lists as its shape has them.
 * @throws ProtocolError `bad_tensors` when they are anything else
 */
export function bytesOfValues({ name, type, dims }: TensorInfo, data: unknown): Uint8Array<ArrayBuffer> {
  const rule = RULES[type];
  // Halves are rounded all at once, at the end.
  const array = emptyArray(type === 'float16' ? 'float32' : type, dims);
  let filled = 0;
  const put = (value: unknown) => {
    const element = rule.read(value);
    if (element === undefined) {
      throw new ProtocolError('bad_tensors', `element ${filled} of ${quoted(name)} is not ${rule.what}`);
    }
    // Its rule gives what the array takes: `bigint` for integers of 64 bits, numbers for all others.
    array[filled] = element as never;
    filled += 1;
  };
  const walk = (value: unknown, axis: number) => {
    if (axis === dims.length) {
      put(value);
      return;
    }
    if (!Array.isArray(value) || value.length !== dims[axis]) throw unlikeShape(name, dims);
    for (const item of value) walk(item, axis + 1);
  };
  if (!Array.isArray(data)) throw new ProtocolError('bad_tensors', `the data of ${quoted(name)} is no list`);
  const isNested = dims.length > 1 && Array.isArray(data[0]);
  if (isNested) walk(data, 0);
  else if (data.length === array.length) for (const value of data) put(value);
  else throw unlikeShape(name, dims);
  return type === 'float16' ? halvesOf(array.buffer) : new Uint8Array(array.buffer);
}

function unlikeShape(name: string, dims: readonly number[]): ProtocolError {
  return new ProtocolError(
    'bad_tensors',
    `the data of ${quoted(name)} is not as its shape [${dims.join(', ')}] has it`,
  );
}

function emptyArray(type: TensorType, dims: readonly number[]): TensorArray {
  return tensorArray(type, new Uint8Array(tensorBytes(type, dims)));
}

function halvesOf(singles: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const bits = new Uint32Array(singles);
  const halves = new Uint16Array(bits.length);
  roundToHalves(bits, halves);
  return new Uint8Array(halves.buffer);
}

/**
 * The elements of a tensor as a JSON list, flat.
 * @throws ProtocolError `bad_tensors` for numbers that JSON has no words for
 */
export function valuesAsJson({ name, type }: TensorInfo, bytes: Uint8Array<ArrayBuffer>): string {
  const aligned = bytes.slice();
  if (type === 'bool') return `[${Array.from(aligned, (value) => value !== 0).join(',')}]`;
  const numbers = type === 'float16' ? singlesOf(aligned) : tensorArray(type, aligned);
  if (numbers instanceof Float32Array || numbers instanceof Float64Array) {
    const odd = numbers.findIndex((value) => !Number.isFinite(value));
    if (odd >= 0) {
      throw new ProtocolError(
        'bad_tensors',
        `element ${odd} of ${quoted(name)} is ${numbers[odd]}, which JSON cannot say; ask for it as binary data`,
      );
    }
  }
  return `[${numbers.join(',')}]`;
}

function singlesOf(halves: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const values = valuesOfHalves();
  return Float32Array.from(new Uint16Array(halves.buffer), (bits) => values[bits] ?? 0);
}
