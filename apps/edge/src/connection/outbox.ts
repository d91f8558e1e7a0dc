/** The sending side of a WebSocket, as `ws` has it. */
export interface OutboxSocket {
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, done?: (error?: Error | null) => void): void;
  close(code: number, reason: string): void;
  pause(): void;
  resume(): void;
}

/** Groups several writes into one system call. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** With this much unread, a client's requests are no longer read, */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
/** until it has read down to this much. */
const LOW_WATER_BYTES = 1024 * 1024;

export interface OutboxOptions {
  /** Monotonic, in ms. */
  readonly clock: () => number;
  /** A client that reads nothing at all for this long is given up. */
  readonly stallMs: number;
}

/**
 * What is sent to one client. Back-pressure: a browser's WebSocket has none on receive, so a client that does not read
 * its replies is no longer read itself, which bounds what it can make the edge hold.
 */
export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #tcp: Corkable;
  readonly #clock: () => number;
  readonly #stallMs: number;
  /** Because it does not read, */
  #isPaused = false;
  /** or because it sends too fast. */
  #release: NodeJS.Timeout | undefined;
  #leastBuffered = 0;
  #progressAtMs = 0;

  constructor(socket: OutboxSocket, tcp: Corkable, { clock, stallMs }: OutboxOptions) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#clock = clock;
    this.#stallMs = stallMs;
  }

  /** The client is behind in reading. */
  get isCongested(): boolean {
    return this.#socket.bufferedAmount > LOW_WATER_BYTES;
  }

  /** All of it has been handed to the network. */
  get isEmpty(): boolean {
    return this.#socket.bufferedAmount === 0;
  }

  get isPaused(): boolean {
    return this.#isPaused || this.#release !== undefined;
  }

  /** Reads nothing more of this client for a while; 0 changes nothing. */
  holdBack(forMs: number): void {
    if (forMs <= 0) return;
    clearTimeout(this.#release);
    this.#socket.pause();
    this.#release = setTimeout(() => {
      this.#release = undefined;
      this.#readOn();
    }, forMs);
  }

  /** The socket is gone. */
  dispose(): void {
    clearTimeout(this.#release);
  }

  text(message: string): void {
    this.#socket.send(message, this.#onFlushed);
    this.#pauseIfFull();
  }

  /**
   * A text message and the chunks that belong to it.
   * @param onWritten called when the system has taken all of it; never when the socket was gone before
   */
  result(message: string, frames: Iterable<Uint8Array>, onWritten: () => void): void {
    const parts = [message, ...frames];
    const onLast = (error?: Error | null) => {
      this.#onFlushed();
      if (error == null) onWritten();
    };
    this.#tcp.cork();
    try {
      for (const [index, part] of parts.entries()) {
        this.#socket.send(part, index === parts.length - 1 ? onLast : this.#onFlushed);
      }
    } finally {
      this.#tcp.uncork();
    }
    this.#pauseIfFull();
  }

  close(code: number, reason: string): void {
    // A paused socket would never see the answer to its close.
    this.#isPaused = false;
    clearTimeout(this.#release);
    this.#release = undefined;
    this.#readOn();
    this.#socket.close(code, reason);
  }

  /** Whether the client has read nothing for too long although there is much to read. */
  isStalled(nowMs: number): boolean {
    if (!this.#isPaused) return false;
    const buffered = this.#socket.bufferedAmount;
    if (buffered < this.#leastBuffered) {
      this.#leastBuffered = buffered;
      this.#progressAtMs = nowMs;
    }
    return nowMs - this.#progressAtMs > this.#stallMs;
  }

  readonly #onFlushed = (): void => {
    if (!this.#isPaused || this.#socket.bufferedAmount > LOW_WATER_BYTES) return;
    this.#isPaused = false;
    this.#readOn();
  };

  #readOn(): void {
    if (!this.isPaused) this.#socket.resume();
  }

  #pauseIfFull(): void {
    if (this.#isPaused || this.#socket.bufferedAmount <= HIGH_WATER_BYTES) return;
    this.#isPaused = true;
    this.#leastBuffered = this.#socket.bufferedAmount;
    this.#progressAtMs = this.#clock();
    this.#socket.pause();
  }
}
