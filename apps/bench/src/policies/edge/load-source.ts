/**
 * Background load as a queue meets it: one realisation of it ({@link PathCursor}), or one sampled future
 * ({@link SampledFuture}). Time only goes forward.
 */
export interface LoadSource {
  /** Next arrival that no answer causes; `Infinity` for none. */
  readonly openAtMs: number;
  /** Idle run time of that arrival's tail, noise included, and its network. */
  readonly openMs: number;
  readonly openModel: number;
  /** Goes on to the arrival after it. */
  nextOpen(): void;
  /** The same of the request that a closed-loop client sends, and on to the next. */
  closedMs(): number;
  readonly closedModel: number;
  /** How many times as long everything takes at this moment; never asked for an earlier one afterwards. */
  slowdownAt(atMs: number): number;
  /** When the number of closed-loop clients changes next, and what it is from then on. */
  readonly phaseAtMs: number;
  nextPhase(): number;
}
