import type { Clock } from '../clock.js';
import { orAborted } from '../errors.js';

/** Of the downlink, what one piece of weights may take beside an inference. */
const PIECE_MS = 25;
/** Less says nothing of the rate, and costs a round trip as well. Also the first piece. */
const LEAST_PIECE_BYTES = 16 * 1024;
/** What came within less shows no rate, but that there is room for more. */
const LEAST_GAP_MS = 2;
/** No inference used the link for so long: it is free. */
const FREE_MS = 250;
/** Inferences that take long to answer hold up weights for no longer than this. */
const LONGEST_WAIT_MS = 1000;

/**
 * Shares one link between inferences and weights that later ones may run with. While inferences use it, weights come in
 * pieces, each asked for as an inference sends: it arrives while the link to the page lies idle, and the answer does not
 * wait behind it. While none does nothing is held back: an inference that waits for the weights itself does not use the link.
 */
export class LinkPace {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #inFlight = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  #pieceBytes = LEAST_PIECE_BYTES;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** No inference uses the link, or has of late. */
  get isFree(): boolean {
    return this.#inFlight === 0 && this.#clock.now() - this.#endedAtMs >= FREE_MS;
  }

  /** An inference begins to use the link. @returns to be called at its end */
  begin(): () => void {
    this.#inFlight += 1;
    for (const go of this.#waiting) go();
    return () => {
      this.#inFlight -= 1;
      this.#endedAtMs = this.#clock.now();
    };
  }

  /** Resolves when more may be asked for, with the bytes of it; `Infinity` where there is no limit. */
  async turn(signal?: AbortSignal): Promise<number> {
    if (this.isFree) return Number.POSITIVE_INFINITY;
    await orAborted(this.#next(), signal);
    return this.isFree ? Number.POSITIVE_INFINITY : this.#pieceBytes;
  }

  /** A piece came: so many bytes, and within so many ms those after its first ones. */
  observe(numBytes: number, { laterBytes, gapMs }: { readonly laterBytes: number; readonly gapMs: number }): void {
    // The last piece of a pack may be of any size.
    if (numBytes < LEAST_PIECE_BYTES) return;
    const roomBytes = gapMs < LEAST_GAP_MS ? 2 * numBytes : (PIECE_MS * laterBytes) / gapMs;
    this.#pieceBytes = Math.max(LEAST_PIECE_BYTES, Math.floor(roomBytes));
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#waiting.delete(go);
        cancel();
        resolve();
      };
      const waitMs = this.#inFlight > 0 ? LONGEST_WAIT_MS : FREE_MS - (this.#clock.now() - this.#endedAtMs);
      const cancel = this.#clock.after(waitMs, go);
      this.#waiting.add(go);
    });
  }
}
