import type { RuntimeTensors } from '@cutpoint/onnx';
import type { NodeEvent } from './node-trace.js';

/** A graph whose weights are external data in packs, as `PackBuilder` and `extract` leave it. */
export interface RunnableGraph {
  /** Encoded ONNX. */
  readonly bytes: Uint8Array;
  /** All that the graph names as external data. A path stands for one content for ever: packs are named by their hash. */
  readonly packs: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

export interface SessionChoice {
  /** ONNX Runtime's graph optimisation; `all` when left out, as heads and tails are served. */
  readonly level?: 'disabled' | 'basic' | 'extended' | 'all';
}

export interface TimeOptions extends SessionChoice {
  /** How many runs are timed at most; those that came first are slower. */
  readonly runs: number;
  /** No run is begun after this many ms of runs; at least three are made. Without end when left out. */
  readonly budgetMs?: number;
}

/** ONNX Runtime somewhere, for benches: opens a graph, runs it, closes it. One call at a time. */
export interface OrtDevice {
  /** What it is, for reports: `Chromium 148 WASM, 1 thread`. */
  readonly label: string;
  /** ms of each run with outputs read, in order; take the fastest. */
  time(graph: RunnableGraph, feeds: RuntimeTensors, options: TimeOptions): Promise<readonly number[]>;
  /** Kernel times of every node of every run, by ONNX Runtime's own profiler. */
  profile(graph: RunnableGraph, feeds: RuntimeTensors, options: TimeOptions): Promise<readonly NodeEvent[]>;
}

/** Runs behind one figure, whatever the budget says. */
export const LEAST_RUNS = 3;
