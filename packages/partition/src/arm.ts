/** How crossing tensors travel. `raw` is the tensors' own bytes. */
export type Codec = 'raw';

/** One choice that can be run: a cut and the codec of its crossing tensors, with what was profiled of it. */
export interface Arm {
  /** Cut id of the manifest's cut table. */
  readonly cut: number;
  readonly codec: Codec;
  /** Run time of the head on the profiling machine, in ms; 0 for full offload. */
  readonly headMs: number;
  /** Run time of the tail on the profiling machine, in ms; 0 for local. */
  readonly tailMs: number;
  /** Bytes that travel up and down; both 0 for local. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Time of the codec on the device and at the edge, in ms; absent means 0, as for `raw`. */
  readonly encodeMs?: number;
  readonly decodeMs?: number;
  /** Whether any part of it runs at the edge. `false` only for the local arm. */
  readonly usesEdge: boolean;
  /** Whether the cut is a prefix cut of the stored order (LoADPart considers no other). */
  readonly isPrefix: boolean;
}
