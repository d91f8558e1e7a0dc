/**
 * TCP's slow start, as far as it delays a transfer: the sender may have a first window in flight (RFC 6928: ten
 * segments), and for each one acknowledged twice as much, so after every window it waits for the rest of a round trip
 * until the window is as large as what the path holds. After an idle of more than its retransmission timeout a sender
 * begins again with the first window (RFC 5681, section 4.1).
 */

/** Ten segments of 1,460 bytes. */
export const INITIAL_WINDOW_BYTES = 14_600;
/** Least retransmission timeout of Linux: idle for longer than this and a round trip closes the window. */
export const RESTART_AFTER_IDLE_MS = 200;
/** The thirteenth window alone holds 59 MB; nothing larger is sent. */
const MAX_ROUNDS = 13;

/** A transfer of which the stalls took more than nine tenths says next to nothing of the rate. */
const MOST_BY_STALLS = 10;

/** Number of windows that must be acknowledged before the last byte can be sent. */
export function slowStartRounds(numBytes: number): number {
  let rounds = 0;
  let sent = INITIAL_WINDOW_BYTES;
  while (numBytes > sent && rounds < MAX_ROUNDS) {
    rounds++;
    sent += INITIAL_WINDOW_BYTES * 2 ** rounds;
  }
  return rounds;
}

/** ms that a transfer of so many rounds stands still, by rounds: the wait for the acknowledgements of each window. */
export function stallsMs(roundTripMs: number, bytesPerMs: number): Float64Array {
  const stalls = new Float64Array(MAX_ROUNDS + 1);
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const windowMs = (INITIAL_WINDOW_BYTES * 2 ** (round - 1)) / bytesPerMs;
    stalls[round] = (stalls[round - 1] ?? 0) + Math.max(0, roundTripMs - windowMs);
  }
  return stalls;
}

/** {@link stallsMs} of one number of rounds, without the table. */
export function stallMs(rounds: number, roundTripMs: number, bytesPerMs: number): number {
  let sum = 0;
  let windowMs = INITIAL_WINDOW_BYTES / bytesPerMs;
  for (let round = 0; round < rounds && windowMs < roundTripMs; round++) {
    sum += roundTripMs - windowMs;
    windowMs *= 2;
  }
  return sum;
}

/**
 * The part of a transfer that a receiver can time: what arrived after its first chunk. Slow start held the first chunk up
 * as well, before its last byte came, so that those stalls are not in the time.
 */
export interface TimedPart {
  /** Bytes that arrived in `spanMs`, without the first chunk. */
  readonly numBytes: number;
  readonly spanMs: number;
  /** Windows acknowledged before the last byte of the first chunk could be sent, and of the whole transfer ({@link slowStartRounds}). */
  readonly roundsBefore: number;
  readonly rounds: number;
  readonly roundTripMs: number;
}

/** ms that the timed part of a transfer stood still if the link has this rate. */
export function stallWithin({ rounds, roundsBefore, roundTripMs }: TimedPart, bytesPerMs: number): number {
  return stallMs(rounds, roundTripMs, bytesPerMs) - stallMs(roundsBefore, roundTripMs, bytesPerMs);
}

/**
 * Rate of a transfer with the stalls of its slow start taken out: the rate at which its bytes and the stalls together
 * take `spanMs`, between the plain rate and {@link MOST_BY_STALLS} times that.
 *
 * Where the stalled windows hold more than `numBytes` the time hardly depends on the rate: any rate from somewhere on
 * explains it, and the highest one is given, which the next larger transfer will put right.
 */
export function rateWithoutStalls(part: TimedPart): number {
  const { numBytes, spanMs, roundsBefore, rounds, roundTripMs } = part;
  const plain = numBytes / spanMs;
  if (rounds === roundsBefore || !(roundTripMs > 0)) return plain;
  const takesLonger = (rate: number) => numBytes / rate + stallWithin(part, rate) > spanMs;
  let low = plain;
  let high = plain * MOST_BY_STALLS;
  const stalled = stalledBytes(rounds, roundTripMs, high) - stalledBytes(roundsBefore, roundTripMs, high);
  if (takesLonger(high) || stalled >= numBytes) return high;
  // From here on the time falls as the rate grows, so halving the interval finds the only rate.
  for (let step = 0; step < 20; step++) {
    const rate = (low + high) / 2;
    if (takesLonger(rate)) low = rate;
    else high = rate;
  }
  return (low + high) / 2;
}

/** Bytes of the windows after which the sender waits. */
function stalledBytes(rounds: number, roundTripMs: number, bytesPerMs: number): number {
  let sum = 0;
  let window = INITIAL_WINDOW_BYTES;
  for (let round = 0; round < rounds && window / bytesPerMs < roundTripMs; round++) {
    sum += window;
    window *= 2;
  }
  return sum;
}
