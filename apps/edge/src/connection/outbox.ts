/** The sending side of a WebSocket, as `ws` has it. */
export interface OutboxSocket {
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, done?: () => void): void;
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
/** A client that reads nothing at all for this long is given up. */
const STALL_MS = 30_000;

/**
 * What is sent to one client. Back-pressure: a browser's WebSocket has none on receive, so a client that does not read
 * its replies is no longer read itself, which bounds what it can make the edge hold.
 */
export class Outbox {
  readonly #socket: OutboxSocket;
  readonly #tcp: Corkable;
  readonly #clock: () => number;
  /** Because it does not read, */
  #isPaused = false;
  /** or because it sends too fast. */
  #release: NodeJS.Timeout | undefined;
  #leastBuffered = 0;
  #progressAtMs = 0;

  constructor(socket: OutboxSocket, tcp: Corkable, clock: () => number) {
    this.#socket = socket;
    this.#tcp = tcp;
    this.#clock = clock;
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

  /** A text message and the chunks that belong to it. */
  result(message: string, frames: Iterable<Uint8Array>): void {
    this.#tcp.cork();
    try {
      this.#socket.send(message);
      for (const frame of frames) this.#socket.send(frame, this.#onFlushed);
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
    return nowMs - this.#progressAtMs > STALL_MS;
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
