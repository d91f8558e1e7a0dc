import { CutpointError, type ErrorCode } from '@cutpoint/client';
import type { Reading } from '../networks/answer.js';
import { decodePicture, type Picture } from './picture.js';

export type ItemState = 'waiting' | 'running' | 'done' | 'failed' | 'stopped';

export interface BatchItem {
  readonly file: File;
  readonly state: ItemState;
  /** What came of it, in words. */
  readonly words: string;
}

export interface BatchParts {
  /** In words, for the list; pictures and answers are not kept. */
  readonly describe: (reading: Reading) => string;
  /** @param picture closed when this returns */
  readonly onRead: (reading: Reading, picture: Picture) => void;
  readonly onChange: (index: number, item: BatchItem) => void;
  readonly decode?: (file: File, name: string) => Promise<Picture>;
}

/** These are not about one picture: the rest waits until the page has got over them. */
const NOT_OF_A_PICTURE: ReadonlySet<ErrorCode> = new Set(['edge_unreachable', 'closed', 'stale_manifest', 'aborted']);

/** Pictures that are read one after the other. One is decoded at a time, so a folder of any size fits in memory. */
export class Batch {
  readonly #items: BatchItem[];
  readonly #parts: BatchParts;
  readonly #stopping = new AbortController();

  constructor(files: readonly File[], parts: BatchParts) {
    this.#items = files.map((file) => ({ file, state: 'waiting', words: '' }));
    this.#parts = parts;
  }

  get items(): readonly BatchItem[] {
    return this.#items;
  }

  get isOver(): boolean {
    return this.#items.every(({ state }) => state !== 'waiting' && state !== 'running');
  }

  count(state: ItemState): number {
    return this.#items.filter((item) => item.state === state).length;
  }

  /**
   * Goes on with what waits. Aborted, or without the edge, the picture that was being read waits again; a picture that
   * cannot be read fails alone.
   */
  async run(read: (picture: Picture, signal: AbortSignal) => Promise<Reading>, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    for (const [index, { state }] of this.#items.entries()) {
      if (state !== 'waiting') continue;
      if (either.aborted) return;
      await this.#readOne(index, read, either);
    }
  }

  /** What is not done yet will not be. */
  stop(): void {
    this.#stopping.abort();
    for (const [index, { state }] of this.#items.entries()) {
      if (state === 'waiting' || state === 'running') this.#set(index, 'stopped');
    }
  }

  async #readOne(
    index: number,
    read: (picture: Picture, signal: AbortSignal) => Promise<Reading>,
    signal: AbortSignal,
  ): Promise<void> {
    const item = this.#items[index];
    if (item === undefined) return;
    this.#set(index, 'running');
    let picture: Picture | undefined;
    try {
      picture = await (this.#parts.decode ?? decodePicture)(item.file, item.file.name);
      const reading = await read(picture, signal);
      signal.throwIfAborted();
      this.#set(index, 'done', this.#parts.describe(reading));
      this.#parts.onRead(reading, picture);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const isWholeMatter = signal.aborted || (error instanceof CutpointError && NOT_OF_A_PICTURE.has(error.code));
      if (isWholeMatter) {
        this.#set(index, 'waiting');
        throw error;
      }
      this.#set(index, 'failed', error instanceof Error ? error.message : String(error));
    } finally {
      picture?.bitmap.close();
    }
  }

  #set(index: number, state: ItemState, words = ''): void {
    const item = this.#items[index];
    if (item === undefined) return;
    const changed = { file: item.file, state, words };
    this.#items[index] = changed;
    this.#parts.onChange(index, changed);
  }
}
