import type { Codec, Plan, Terms } from '@cutpoint/partition';

/** An arm, as a policy or a person names it. */
export interface ArmName {
  readonly cut: number;
  readonly codec: Codec;
}

/** What each stage of one inference took, in ms, by the clocks of page and edge. */
export interface Stages {
  readonly waitMs: number;
  readonly headMs: number;
  readonly encodeMs: number;
  readonly uploadMs: number;
  readonly queueMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly downloadMs: number;
  /** What no other stage explains: the round trip, framing, the page's own thread. */
  readonly otherMs: number;
}

/** One inference that was measured. */
export interface InferenceRecord extends ArmName {
  /** When it began, by the page's clock. */
  readonly atMs: number;
  /** From the pixels to the outputs: all that a plan predicts. Decoding and resizing of the picture are not in it. */
  readonly totalMs: number;
  readonly stages: Stages;
  readonly predictedMs: number;
  readonly terms: Terms;
  readonly bytesUp: number;
  readonly predictedBytesUp: number;
  readonly cause: Plan['cause'];
  /** The policy would rather have run an arm whose head is not built. */
  readonly lackedHead: boolean;
  readonly conditions: {
    readonly uplink: number;
    readonly fixedMs: number;
    readonly slowStartMs: number;
    readonly queueMs: number;
    readonly k: number;
    readonly d: number;
  };
}

/** What a page says of one arm. */
export interface ArmFacts extends ArmName {
  readonly headMs: number;
  readonly tailMs: number;
  readonly bytesUp: number;
  readonly usesEdge: boolean;
  readonly isPrefix: boolean;
}
