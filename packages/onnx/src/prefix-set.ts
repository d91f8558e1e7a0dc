/** The numbers from 0 up to a length, without storing them: a long graph has as many prefixes as it has nodes. */
export class PrefixSet implements ReadonlySet<number> {
  constructor(readonly size: number) {}

  has(value: number): boolean {
    return Number.isInteger(value) && value >= 0 && value < this.size;
  }

  forEach(visit: (value: number, key: number, set: ReadonlySet<number>) => void): void {
    for (const value of this) visit(value, value, this);
  }

  *values(): SetIterator<number> {
    for (let i = 0; i < this.size; i++) yield i;
  }

  *entries(): SetIterator<[number, number]> {
    for (const value of this) yield [value, value];
  }

  keys(): SetIterator<number> {
    return this.values();
  }

  [Symbol.iterator](): SetIterator<number> {
    return this.values();
  }
}
