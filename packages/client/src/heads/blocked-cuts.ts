import type { Controller } from '@cutpoint/partition';
import type { Variant } from '@cutpoint/protocol';
import { orAborted } from '../errors.js';
import type { Runtime } from '../worker/runtime.js';
import { type HeadStore, headKey } from './head-store.js';

interface Blocked {
  readonly cut: number;
  readonly wasReady: boolean;
  readonly freed: Promise<void>;
  free(): void;
}

export interface BlockedCutsParts {
  readonly heads: HeadStore;
  readonly runtime: Runtime;
  readonly variant: Variant;
  readonly controller: Controller;
}

/**
 * Heads of one variant that share a worker with one that is being built. No decision may choose them meanwhile: another
 * arm, in the worst case everything at the edge, does not wait.
 */
export class BlockedCuts {
  readonly #parts: BlockedCutsParts;
  /** By the key of the head. */
  readonly #blocked = new Map<string, Blocked>();
  readonly #unsubscribe: readonly (() => void)[];

  constructor(parts: BlockedCutsParts) {
    this.#parts = parts;
    const { events } = parts.runtime;
    this.#unsubscribe = [
      events.on('blocked', (keys) => {
        for (const key of keys) this.#block(key);
      }),
      events.on('freed', (keys) => {
        for (const key of keys) this.#free(key);
      }),
    ];
  }

  /** Until the head of this cut may run. */
  async until(cut: number, signal: AbortSignal): Promise<void> {
    const blocked = this.#blocked.get(headKey(this.#parts.variant, cut).text);
    if (blocked) await orAborted(blocked.freed, signal);
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const { free } of this.#blocked.values()) free();
  }

  #block(key: string): void {
    const { heads, variant, controller } = this.#parts;
    const spec = heads.get(key)?.spec;
    if (spec?.kind !== 'head' || spec.variant.table !== variant.table) return;
    const cut = spec.cut.id;
    const wasReady = controller.isReady(cut);
    controller.setReady(cut, false);
    let free = () => {};
    const freed = new Promise<void>((resolve) => {
      free = resolve;
    });
    this.#blocked.set(key, { cut, wasReady, freed, free });
  }

  #free(key: string): void {
    const blocked = this.#blocked.get(key);
    if (!blocked) return;
    this.#blocked.delete(key);
    // What was not ready becomes so in its own time; and it may have been released meanwhile.
    if (blocked.wasReady && this.#parts.heads.get(key)) this.#parts.controller.setReady(blocked.cut, true);
    blocked.free();
  }
}
