import { Session } from 'node:inspector';
import { collectGarbage } from './collect-garbage.mjs';

/** Which code of some modules has run, as V8 itself counts it; nothing is instrumented. */
export class Coverage {
  #session = new Session();
  #isOf;

  /**
   * Connect before the modules are loaded: V8 counts blocks only in what it compiles afterwards.
   * @param {(url: string) => boolean} isOf whether a module counts
   */
  constructor(isOf) {
    this.#isOf = isOf;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** What ran since the last call. */
  take() {
    const reached = new Reached();
    // For V8 each failed `JSON.parse` is a script, and it goes through all scripts that are still there.
    collectGarbage();
    // In the same process the answer is there when `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken.result) if (this.#isOf(url)) reached.paint(url, functions);
    });
    return reached;
  }

  close() {
    this.#session.disconnect();
  }
}

/**
 * Characters of source that ran. V8 gives blocks, but joins those with the same count: which blocks there are depends on
 * what ran, which characters they cover does not.
 */
export class Reached {
  /** By module: 1 for a character that ran. @type {Map<string, Uint8Array>} */
  #modules = new Map();

  get size() {
    let size = 0;
    for (const characters of this.#modules.values()) for (const ran of characters) size += ran;
    return size;
  }

  /** @param {string} url @param {readonly import('node:inspector').Profiler.FunctionCoverage[]} functions outer ones first */
  paint(url, functions) {
    const ranges = functions.flatMap((one) => one.ranges);
    const characters = new Uint8Array(Math.max(0, ...ranges.map(({ endOffset }) => endOffset)));
    for (const { startOffset, endOffset, count } of ranges) characters.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    this.#modules.set(url, characters);
  }

  /** Whether something ran here that did not there. @param {Reached} other */
  isBeyond(other) {
    for (const [url, characters] of this.#modules) {
      const known = other.#modules.get(url);
      if (characters.some((ran, index) => ran === 1 && known?.[index] !== 1)) return true;
    }
    return false;
  }

  /** @param {Reached} other whose code counts as having run here too */
  add(other) {
    for (const [url, characters] of other.#modules) {
      const known = this.#modules.get(url);
      const all = new Uint8Array(Math.max(characters.length, known?.length ?? 0));
      all.set(known ?? []);
      for (const [index, ran] of characters.entries()) if (ran === 1) all[index] = 1;
      this.#modules.set(url, all);
    }
  }
}
