/** Numbers at which things change. */
const EDGES = [
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  16,
  19,
  127,
  128,
  255,
  256,
  32767,
  65535,
  65536,
  65537,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const TEXT_EDGES = [
  '-1',
  '0',
  '1',
  '3',
  '16',
  '1e9',
  '1e999',
  '0.5',
  '9007199254740993',
  'null',
  'true',
  '""',
  '[]',
  '{}',
  '[[]]',
];

/**
 * A generator of random numbers from 0 to 1 that gives the same ones for the same seed (mulberry32).
 * @param {number} seed
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One input made of others: a few random changes, one after the other.
 * @param {readonly Buffer[]} corpus
 * @param {readonly string[]} words that inputs are likely to hold
 * @param {() => number} random
 * @param {number} maxBytes
 */
export function mutate(corpus, words, random, maxBytes) {
  const below = (limit) => Math.floor(random() * limit);
  const pick = (list) => list[below(list.length)];
  let bytes = Buffer.from(pick(corpus));
  for (let change = 1 + below(4); change > 0; change -= 1) {
    bytes = pick(CHANGES)(bytes, { below, pick, corpus, words });
    if (bytes.byteLength > maxBytes) bytes = bytes.subarray(0, maxBytes);
  }
  return bytes;
}

const replaced = (bytes, at, length, inserted) =>
  Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(Math.min(bytes.byteLength, at + length))]);

/** Each gives new bytes, or changes those that it was given, which are nobody else's. */
const CHANGES = [
  (bytes, { below }) => {
    if (bytes.byteLength > 0) bytes[below(bytes.byteLength)] ^= 1 << below(8);
    return bytes;
  },
  (bytes, { below }) => {
    if (bytes.byteLength > 0) bytes[below(bytes.byteLength)] = below(256);
    return bytes;
  },
  (bytes, { below, pick }) => {
    if (bytes.byteLength >= 4) bytes.writeUInt32LE(pick(EDGES), below(bytes.byteLength - 3));
    return bytes;
  },
  (bytes, { below }) => replaced(bytes, below(bytes.byteLength + 1), 1 + below(8), Buffer.alloc(0)),
  (bytes, { below }) => bytes.subarray(0, below(bytes.byteLength + 1)),
  (bytes, { below }) => replaced(bytes, below(bytes.byteLength + 1), 0, Buffer.from([below(256)])),
  (bytes, { below, pick, words }) =>
    words.length === 0 ? bytes : replaced(bytes, below(bytes.byteLength + 1), below(2) * 4, Buffer.from(pick(words))),
  (bytes, { below, pick, corpus }) => {
    const other = pick(corpus);
    const from = below(other.byteLength + 1);
    const part = other.subarray(from, from + below(64));
    return replaced(bytes, below(bytes.byteLength + 1), below(2) * part.byteLength, part);
  },
  (bytes, { below, pick, corpus }) => {
    const other = pick(corpus);
    return Buffer.concat([bytes.subarray(0, below(bytes.byteLength + 1)), other.subarray(below(other.byteLength + 1))]);
  },
  // A number, a text or a word in JSON becomes another.
  (bytes, { below, pick, words }) => {
    const text = bytes.toString('latin1');
    const found = [...text.matchAll(/-?\d+|"[^"]*"|true|false|null/g)];
    if (found.length === 0) return bytes;
    const { index, 0: old } = pick(found);
    const put = below(2) === 0 && words.length > 0 ? pick(words) : pick(TEXT_EDGES);
    return replaced(bytes, index, old.length, Buffer.from(put, 'latin1'));
  },
];
