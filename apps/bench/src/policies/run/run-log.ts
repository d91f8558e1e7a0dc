/** One inference of a run. ms by the virtual clock. */
export interface InferenceRecord {
  readonly startMs: number;
  readonly latencyMs: number;
  /** Index of the arm that ran. */
  readonly arm: number;
  /** Index of the phase in which it began; 0 is the warm-up. */
  readonly phase: number;
  readonly bytesUp: number;
  /** What the oracles say of it, if they were asked. */
  readonly verdict: Verdict | undefined;
}

/** What the oracles would have done in the same state. */
export interface Verdict {
  /** The informed oracle's arm, and what it would have taken in the future that came. */
  readonly informedArm: number;
  readonly informedMs: number;
  /** What was expected, knowing the true state, of the arm that ran and of the informed oracle's. */
  readonly chosenExpectedMs: number;
  readonly informedExpectedMs: number;
  readonly clairvoyantArm: number;
  readonly clairvoyantMs: number;
}

/** One run: a contestant in a world. */
export interface RunLog {
  readonly contestant: string;
  readonly records: readonly InferenceRecord[];
  readonly probes: number;
  readonly probeBytes: number;
}
