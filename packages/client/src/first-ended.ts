import type { Clock } from './clock.js';
import type { EdgeConnection } from './transport/connection.js';

/** What makes later inferences faster is begun when the first one has ended, or so long after there was none. */
const FIRST_MS = 1000;

/** Resolves when no first result is waited for any more, of all sessions that share the way to an edge. */
export class FirstEnded {
  readonly promise: Promise<void>;
  /** An inference has ended, in whatever way. */
  tell = (): void => {};

  constructor(connection: EdgeConnection, clock: Clock, life: AbortSignal) {
    this.promise = new Promise((resolve) => {
      this.tell = resolve;
    });
    connection.whenOnline(undefined, life).then(
      () => life.addEventListener('abort', clock.after(FIRST_MS, this.tell), { once: true }),
      () => {},
    );
  }
}
