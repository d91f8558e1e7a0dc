import { ProtocolError } from '@cutpoint/protocol';
import type { Holder, UploadBudget } from '../connection/upload-budget.js';

/** Memory that one request holds, taken from what all may hold as it is needed. */
export class HeldBytes {
  readonly #budget: UploadBudget;
  readonly #holder: Holder;
  #numBytes = 0;
  #isReleased = false;

  constructor(budget: UploadBudget, holder: Holder) {
    this.#budget = budget;
    this.#holder = holder;
  }

  /** @throws ProtocolError when so much more is not to be had */
  grow(numBytes: number): void {
    if (this.#isReleased) throw new ProtocolError('cancelled', 'the request is over');
    switch (this.#budget.take(this.#holder, numBytes, this.#numBytes)) {
      case 'beyond-share':
        throw new ProtocolError(
          'too_many_in_flight',
          `${numBytes} bytes more are beyond what one client, or one of its connections, may have unanswered; wait for an answer`,
        );
      case 'beyond-all':
        throw new ProtocolError('overloaded', 'too many bytes are being held by this edge; try again later');
      case 'taken':
        this.#numBytes += numBytes;
    }
  }

  release(): void {
    if (this.#numBytes > 0) this.#budget.give(this.#holder, this.#numBytes);
    this.#numBytes = 0;
    this.#isReleased = true;
  }
}
