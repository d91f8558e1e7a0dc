import type { Progress, Session } from '@cutpoint/client';
import { CONNECTING, type Cutpoint } from './status.js';

export interface HeldSessionParts {
  readonly open: (signal: AbortSignal, onProgress: (progress: Progress) => void) => Promise<Session>;
  /** Nobody holds it any more: it is over. */
  readonly onClosed: () => void;
}

/** One session for everybody who holds it: opened for the first, closed after the last. */
export class HeldSession {
  readonly #parts: HeldSessionParts;
  readonly #life = new AbortController();
  readonly #listeners = new Set<() => void>();
  #status: Cutpoint = CONNECTING;
  #opened: Promise<Session>;
  #closing: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: HeldSessionParts) {
    this.#parts = parts;
    this.#opened = this.#open();
  }

  /** The same object until something changes. */
  get status(): Cutpoint {
    return this.#status;
  }

  /** Of the last try to open it. */
  get opened(): Promise<Session> {
    return this.#opened;
  }

  /** `onChange` hears of every new status. @returns what lets go of it */
  hold(onChange: () => void): () => void {
    // Each holder counts, also where two listen with one function.
    const listener = () => onChange();
    this.#listeners.add(listener);
    clearTimeout(this.#closing);
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      // React lets go of the old before it holds the new: the same component in strict mode, or the one that shows the
      // next model and joins this connection, comes before the timer.
      this.#closing = setTimeout(() => this.#close());
    };
  }

  #open(): Promise<Session> {
    const opened = this.#parts.open(this.#life.signal, (progress) => {
      if (this.#status.status === 'connecting') this.#tell({ status: 'connecting', progress });
    });
    opened.then(
      (session) => this.#onOpened(session),
      (error: unknown) => this.#onFailed(error),
    );
    return opened;
  }

  #onOpened(session: Session): void {
    if (this.#life.signal.aborted) {
      void session.close();
      return;
    }
    const tell = () => this.#tell({ status: 'ready', session, connection: session.state, device: session.device });
    session.on('state', tell);
    session.on('device', tell);
    tell();
  }

  #onFailed(cause: unknown): void {
    const error = cause instanceof Error ? cause : new Error(String(cause));
    this.#tell({ status: 'failed', error, retry: () => this.#retry() });
  }

  #retry(): void {
    if (this.#status.status !== 'failed' || this.#life.signal.aborted) return;
    this.#opened = this.#open();
    this.#tell(CONNECTING);
  }

  #tell(status: Cutpoint): void {
    this.#status = status;
    for (const listener of [...this.#listeners]) listener();
  }

  #close(): void {
    this.#life.abort();
    if (this.#status.status === 'ready') void this.#status.session.close();
    this.#parts.onClosed();
  }
}
