/** What kind of tail waits: the generation of its closed-loop client, or one of these. */
export const NEITHER = 0;
export const CANARY = 1;

/** Room for what waits at first; doubled when it does not suffice. A power of two. */
const FIRST_CAPACITY = 256;

/** The background's tails that wait, first in, first out: columns in a ring, since an oracle copies and runs thousands. */
export class Waiting {
  #capacity = FIRST_CAPACITY;
  #head = 0;
  #count = 0;
  #columns = columnsOf(FIRST_CAPACITY);
  shiftedKind = NEITHER;

  get firstArrivalMs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : (this.#columns.arrivalMs[this.#head] ?? 0);
  }

  get idleMs(): number {
    let sum = 0;
    for (let index = 0; index < this.#count; index++) sum += this.#columns.idleMs[this.#at(index)] ?? 0;
    return sum;
  }

  push(model: number, arrivalMs: number, idleMs: number, profiledMs: number, kind: number): void {
    if (this.#count === this.#capacity) this.#grow();
    const at = this.#at(this.#count++);
    const columns = this.#columns;
    columns.model[at] = model;
    columns.arrivalMs[at] = arrivalMs;
    columns.idleMs[at] = idleMs;
    columns.profiledMs[at] = profiledMs;
    columns.kind[at] = kind;
  }

  /** @returns its idle run time */
  shiftInto(tail: { model: number; arrivalMs: number; profiledMs: number }): number {
    const at = this.#head;
    const columns = this.#columns;
    this.#head = (at + 1) & (this.#capacity - 1);
    this.#count--;
    tail.model = columns.model[at] ?? 0;
    tail.arrivalMs = columns.arrivalMs[at] ?? 0;
    tail.profiledMs = columns.profiledMs[at] ?? 0;
    this.shiftedKind = columns.kind[at] ?? NEITHER;
    return columns.idleMs[at] ?? 0;
  }

  copyFrom(other: Waiting): void {
    while (this.#capacity < other.#count) this.#grow();
    this.#head = 0;
    this.#count = other.#count;
    for (let index = 0; index < other.#count; index++) {
      const from = other.#at(index);
      this.#columns.model[index] = other.#columns.model[from] ?? 0;
      this.#columns.arrivalMs[index] = other.#columns.arrivalMs[from] ?? 0;
      this.#columns.idleMs[index] = other.#columns.idleMs[from] ?? 0;
      this.#columns.profiledMs[index] = other.#columns.profiledMs[from] ?? 0;
      this.#columns.kind[index] = other.#columns.kind[from] ?? NEITHER;
    }
  }

  #at(index: number): number {
    return (this.#head + index) & (this.#capacity - 1);
  }

  #grow(): void {
    const before = this.#columns;
    const grown = columnsOf(2 * this.#capacity);
    for (let index = 0; index < this.#count; index++) {
      const from = this.#at(index);
      grown.model[index] = before.model[from] ?? 0;
      grown.arrivalMs[index] = before.arrivalMs[from] ?? 0;
      grown.idleMs[index] = before.idleMs[from] ?? 0;
      grown.profiledMs[index] = before.profiledMs[from] ?? 0;
      grown.kind[index] = before.kind[from] ?? NEITHER;
    }
    this.#columns = grown;
    this.#capacity *= 2;
    this.#head = 0;
  }
}

function columnsOf(capacity: number) {
  return {
    model: new Int32Array(capacity),
    arrivalMs: new Float64Array(capacity),
    idleMs: new Float64Array(capacity),
    profiledMs: new Float64Array(capacity),
    kind: new Int32Array(capacity),
  };
}
