/**
 * How long each direction of one connection was silent before a transfer, because a TCP sender begins slowly again after
 * an idle (RFC 5681, section 4.1). Small messages between transfers do not open its window, so they do not count. A
 * reservation is one: after a long silence the window closes there, and its upload still begins with the first one.
 *
 * All times in ms. On a new connection the silence is infinite: its window is as small as after the longest one.
 */
export class IdleTimes {
  #upEndedAtMs = Number.NEGATIVE_INFINITY;
  #downEndedAtMs = Number.NEGATIVE_INFINITY;

  up(nowMs: number): number {
    return Math.max(0, nowMs - this.#upEndedAtMs);
  }

  down(nowMs: number): number {
    return Math.max(0, nowMs - this.#downEndedAtMs);
  }

  upEnded(atMs: number): void {
    this.#upEndedAtMs = Math.max(this.#upEndedAtMs, atMs);
  }

  downEnded(atMs: number): void {
    this.#downEndedAtMs = Math.max(this.#downEndedAtMs, atMs);
  }
}
