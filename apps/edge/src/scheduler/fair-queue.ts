import { Heap } from './heap.js';

export interface QueueRules<T> {
  /** Whether its turn may come. It may change while an item is in the queue; it is asked whenever it matters. */
  isReady(item: T): boolean;
  /** Within the narrowest owner the least goes first; of equals the one that came first. */
  dueAtMs(item: T): number;
  /** Whose it is, the widest owner first: turns are fair between those, and in each of them between the next ones. */
  readonly owners: readonly ((item: T) => object)[];
  /** Whose owner waits for all others this time, one question for each of {@link owners}: asked for once a turn. */
  judge(): readonly ((item: T) => boolean)[];
}

/**
 * Turns that one owner has in the line at a time. With one, two requests that come together by chance would be torn apart by the
 * whole line; the more there are, the longer can a client that sends many keep the others waiting.
 */
const TURNS = 2;

/**
 * Between owners turns in order of arrival, of which each has a few at a time; who has had too much lately waits for all
 * others. What one owner has is shared likewise between the narrower ones in it, and within the narrowest the earliest deadline
 * goes first.
 *
 * What is not ready keeps its turn and lets others go before it.
 */
export class FairQueue<T> {
  readonly #rules: QueueRules<T>;
  readonly #all: Lane<T>;

  constructor(rules: QueueRules<T>) {
    this.#rules = rules;
    this.#all = laneOf(rules, 0);
  }

  /** Items, ready or not. */
  get size(): number {
    return this.#all.size;
  }

  push(item: T): void {
    this.#all.add(item);
  }

  /** The ready item whose turn it is, and whether it is one that waits for all others; it stays. */
  first(): { readonly item: T; readonly waits: boolean } | undefined {
    const { isReady, judge } = this.#rules;
    const waits = judge();
    const item = this.#all.first({ isReady, waits });
    return item === undefined ? undefined : { item, waits: waits.some((ofOwner) => ofOwner(item)) };
  }

  /** The ready item whose turn it is. */
  shift(): T | undefined {
    const item = this.first()?.item;
    if (item !== undefined) this.#all.take(item, true);
    return item;
  }

  remove(item: T): boolean {
    return this.#all.take(item, false);
  }

  /** It has had its turn, before it was the first. */
  serve(item: T): void {
    this.#all.take(item, true);
  }

  /**
   * What is there of the items, in the order of their turns: those of which there is nothing are passed over. The queue may not
   * change before it has been read.
   */
  *inTurn<U>(of: (item: T) => U | undefined): Generator<U, void> {
    const moment: Moment<T> = { isReady: (item) => of(item) !== undefined, waits: this.#rules.judge() };
    for (const next of this.#all.inTurn(moment)) {
      const there = of(next);
      if (there !== undefined) yield there;
    }
  }

  /** What is ready and would be taken before this item if it were ready as well, in that order. */
  ahead(item: T): readonly T[] {
    const { isReady, judge } = this.#rules;
    const moment: Moment<T> = { isReady: (other) => other === item || isReady(other), waits: judge() };
    const ahead: T[] = [];
    for (const next of this.#all.inTurn(moment)) {
      if (next === item) break;
      ahead.push(next);
    }
    return ahead;
  }

  /** Every item, in no promised order. */
  *[Symbol.iterator](): Generator<T, void> {
    yield* this.#all;
  }
}

/** What decides a turn. */
interface Moment<T> {
  isReady(item: T): boolean;
  readonly waits: readonly ((item: T) => boolean)[];
}

/** What belongs to one owner. */
interface Lane<T> extends Iterable<T> {
  readonly size: number;
  add(item: T): void;
  /** The ready item that goes first. */
  first(moment: Moment<T>): T | undefined;
  /** @param isServed its turn has come, else it leaves. @returns `false` when it was not there */
  take(item: T, isServed: boolean): boolean;
  /** What is ready, in the order in which it would be taken. Read it before the lane changes. */
  inTurn(moment: Moment<T>): Generator<T, void>;
}

function laneOf<T>(rules: QueueRules<T>, level: number): Lane<T> {
  return level < rules.owners.length ? new Line(rules, level) : new ByDeadline(rules);
}

/** Of the narrowest owner. */
class ByDeadline<T> implements Lane<T> {
  readonly #rules: QueueRules<T>;
  /** In order of arrival. */
  readonly #items: T[] = [];

  constructor(rules: QueueRules<T>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    this.#items.push(item);
  }

  first({ isReady }: Moment<T>): T | undefined {
    const { dueAtMs } = this.#rules;
    let first: T | undefined;
    for (const item of this.#items) {
      if (isReady(item) && (first === undefined || dueAtMs(item) < dueAtMs(first))) first = item;
    }
    return first;
  }

  take(item: T): boolean {
    const index = this.#items.indexOf(item);
    if (index >= 0) this.#items.splice(index, 1);
    return index >= 0;
  }

  *inTurn({ isReady }: Moment<T>): Generator<T, void> {
    const { dueAtMs } = this.#rules;
    // Sorting keeps the order of equals.
    yield* this.#items.filter((item) => isReady(item)).toSorted((one, other) => dueAtMs(one) - dueAtMs(other));
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items[Symbol.iterator]();
  }
}

interface Member<T> {
  readonly lane: Lane<T>;
  /** Places in the line, the first first: one for each item, but at most {@link TURNS}. */
  readonly turns: number[];
}

/** Owners of one level that take turns. */
class Line<T> implements Lane<T> {
  readonly #rules: QueueRules<T>;
  readonly #level: number;
  /** Of owners with items. */
  readonly #members = new Map<object, Member<T>>();
  #size = 0;
  #nextTurn = 0;

  constructor(rules: QueueRules<T>, level: number) {
    this.#rules = rules;
    this.#level = level;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    const owner = this.#ownerOf(item);
    const member = this.#members.get(owner) ?? { lane: laneOf(this.#rules, this.#level + 1), turns: [] };
    this.#members.set(owner, member);
    member.lane.add(item);
    this.#size += 1;
    this.#tidy(owner, member);
  }

  first(moment: Moment<T>): T | undefined {
    const waits = moment.waits[this.#level];
    let next: Turn<T> | undefined;
    for (const { lane, turns } of this.#members.values()) {
      const item = lane.first(moment);
      if (item === undefined) continue;
      const turn = { item, at: turns[0] ?? 0, waits: waits?.(item) === true };
      if (next === undefined || isBefore(turn, next)) next = turn;
    }
    return next?.item;
  }

  take(item: T, isServed: boolean): boolean {
    const owner = this.#ownerOf(item);
    const member = this.#members.get(owner);
    if (member === undefined || !member.lane.take(item, isServed)) return false;
    if (isServed) member.turns.shift();
    this.#size -= 1;
    this.#tidy(owner, member);
    return true;
  }

  /** As if each were taken with {@link first} and {@link take}; but what was found of an owner is kept until its own turn comes. */
  *inTurn(moment: Moment<T>): Generator<T, void> {
    const waits = moment.waits[this.#level];
    const next = new Heap<Coming<T>>(isBefore);
    let nextTurn = this.#nextTurn;
    const add = (rest: Generator<T, void>, turns: number[], size: number) => {
      const { value: item } = rest.next();
      if (item !== undefined) next.push({ item, at: turns[0] ?? 0, waits: waits?.(item) === true, rest, turns, size });
    };
    for (const { lane, turns } of this.#members.values()) add(lane.inTurn(moment), [...turns], lane.size);
    for (let coming = next.pop(); coming !== undefined; coming = next.pop()) {
      yield coming.item;
      const { rest, turns, size } = coming;
      turns.shift();
      while (turns.length < Math.min(TURNS, size - 1)) turns.push(nextTurn++);
      add(rest, turns, size - 1);
    }
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (const { lane } of this.#members.values()) yield* lane;
  }

  #ownerOf(item: T): object {
    const ownerOf = this.#rules.owners[this.#level];
    if (ownerOf === undefined) throw new Error(`the queue has no level ${this.#level}`);
    return ownerOf(item);
  }

  /** Gives the owner as many turns as it may have. */
  #tidy(owner: object, { lane, turns }: Member<T>): void {
    const count = Math.min(TURNS, lane.size);
    turns.splice(count);
    while (turns.length < count) turns.push(this.#nextTurn++);
    if (lane.size === 0) this.#members.delete(owner);
  }
}

interface Turn<T> {
  readonly item: T;
  readonly at: number;
  readonly waits: boolean;
}

/** The next item of one owner, and what is behind it. */
interface Coming<T> extends Turn<T> {
  readonly rest: Generator<T, void>;
  /** The owner's places in the line, this one's first. */
  readonly turns: number[];
  /** Items of the owner, ready or not. */
  readonly size: number;
}

function isBefore<T>(one: Turn<T>, other: Turn<T>): boolean {
  return one.waits === other.waits ? one.at < other.at : other.waits;
}
