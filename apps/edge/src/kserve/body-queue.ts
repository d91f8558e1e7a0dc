import { ProtocolError } from '@cutpoint/protocol';
import { FairQueue } from '../scheduler/fair-queue.js';
import type { Owners } from '../scheduler/shared-use.js';

/** For whom something is done on the thread for bodies, and until when that is of use. */
export interface BodyTurn {
  readonly owners: Owners;
  /** By {@link BodyQueue}'s clock. */
  readonly deadlineAtMs: number;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly turn: BodyTurn;
  readonly start: () => void;
}

/**
 * One after another, fair between clients and the earliest deadline of a connection first. What waits leaves when nobody waits for
 * it any more, and when its deadline has passed; what runs is not interrupted.
 */
export class BodyQueue {
  readonly #clock: () => number;
  readonly #waiting = new FairQueue<Waiting>({
    isReady: () => true,
    dueAtMs: ({ turn }) => turn.deadlineAtMs,
    owners: [({ turn }) => turn.owners.client, ({ turn }) => turn.owners.connection],
    judge: () => [() => false, () => false],
  });
  #isRunning = false;

  /** @param clock monotonic, in ms */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * @throws ProtocolError `deadline_exceeded` or `cancelled` when it left before its turn, and what `task` throws
   */
  async run<T>(turn: BodyTurn, task: () => Promise<T>): Promise<T> {
    await this.#turn(turn);
    try {
      return await task();
    } finally {
      this.#isRunning = false;
      this.#goOn();
    }
  }

  /** Resolves when nothing else runs and the turn has come. */
  async #turn(turn: BodyTurn): Promise<void> {
    const { signal, deadlineAtMs } = turn;
    await new Promise<void>((resolve, reject) => {
      const spareMs = deadlineAtMs - this.#clock();
      if (signal.aborted) return reject(gone());
      if (spareMs <= 0) return reject(late());
      const leave = (error: ProtocolError) => {
        if (this.#waiting.remove(waiting)) end(() => reject(error));
      };
      const onAbort = () => leave(gone());
      const expiry = setTimeout(() => leave(late()), Math.min(spareMs, MAX_TIMER_MS)).unref();
      const end = (settle: () => void) => {
        clearTimeout(expiry);
        signal.removeEventListener('abort', onAbort);
        settle();
      };
      const waiting: Waiting = { turn, start: () => end(resolve) };
      signal.addEventListener('abort', onAbort);
      this.#waiting.push(waiting);
      this.#goOn();
      return undefined;
    });
  }

  #goOn(): void {
    const next = this.#isRunning ? undefined : this.#waiting.shift();
    if (next === undefined) return;
    this.#isRunning = true;
    next.start();
  }
}

/** What a timer can hold. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function gone(): ProtocolError {
  return new ProtocolError('cancelled', 'nobody waits for this body any more');
}

function late(): ProtocolError {
  return new ProtocolError('deadline_exceeded', 'the deadline passed before the body could be read or written');
}
