/** Probes may take this share of what is sent anyway, or this many bytes a minute, whichever is more. */
export const PROBE_TRAFFIC_SHARE = 0.01;
export const PROBE_BYTES_PER_MINUTE = 64 * 1024;
/** Unused allowance that is kept, so that a change can be followed by more than one probe. */
const MAX_SAVED_BYTES = 16 * 1024;
const MINUTE_MS = 60_000;

/** What probes may send, as a bucket that fills with time and with traffic; and the rate of that traffic. */
export class UplinkBudget {
  #savedBytes = MAX_SAVED_BYTES;
  #atMs: number | undefined;
  #bytesPerMinute = 0;

  /** Traffic of inferences. */
  sent(numBytes: number, atMs: number): void {
    this.#passTo(atMs);
    this.#bytesPerMinute += numBytes;
  }

  /** Takes a probe's bytes, if there are so many beyond what is to be left. */
  takeProbe(numBytes: number, leaveBytes: number, nowMs: number): boolean {
    this.#passTo(nowMs);
    if (this.#savedBytes < numBytes + leaveBytes) return false;
    this.#savedBytes -= numBytes;
    return true;
  }

  #passTo(atMs: number): void {
    const passedMs = Math.max(0, atMs - (this.#atMs ?? atMs));
    this.#atMs = Math.max(atMs, this.#atMs ?? atMs);
    this.#bytesPerMinute *= Math.exp(-passedMs / MINUTE_MS);
    const perMinute = Math.max(PROBE_BYTES_PER_MINUTE, PROBE_TRAFFIC_SHARE * this.#bytesPerMinute);
    this.#savedBytes = Math.min(MAX_SAVED_BYTES, this.#savedBytes + (perMinute * passedMs) / MINUTE_MS);
  }
}
