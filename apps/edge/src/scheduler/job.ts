import type { ProtocolError } from '@cutpoint/protocol';
import type { Run } from './runs.js';
import type { Owners } from './shared-use.js';

/** What is known of a piece of work before it is there. */
export interface Work extends Owners {
  readonly model: string;
  /** Run time of its tail on an idle edge, in ms. */
  readonly idleMs: number;
}

/** What all jobs of one tail have in common, this very object: they can share runs. */
export interface Batching {
  /** Jobs that one run may have now; 1 where sharing runs does not pay, or is not known to. */
  readonly maxSize: number;
  /** What a run of so many takes, divided by what one of one takes; 1 for 1, and never more than `size`. */
  slowdown(size: number): number;
  /** Told when two of them were there at once. */
  met(): void;
}

/** One piece of work, as the scheduler sees it. */
export interface Job extends Work {
  /** The edge's own, to measure k: it takes a worker like any other, and is counted nowhere. */
  readonly isCanary?: boolean;
  /** By the scheduler's clock; after it the result is worthless. Left out: the scheduler's default. */
  readonly deadlineAtMs?: number;
  /** What it can share a run with; left out for work that has its runs for itself. */
  readonly batching?: Batching;
  /**
   * Called when a worker is free for it, or is about to be. The worker is taken until the promise settles, either way.
   * @param others with the same {@link batching}, that run with it; nothing else is called of them
   * @param run theirs; it says when its worker began with it, in the end, and what that does until then
   */
  start(others: readonly Job[], run: Run): Promise<void>;
  /** Called instead of `start` when it will never run. */
  reject(error: ProtocolError): void;
}

/** A place in the queue, held for work that was announced. There is nothing in it to start until its job has come. */
export interface Place {
  readonly work: Work;
  /** Its client's places are served in this order: the deadline of its job, or the default as of the reservation. */
  readonly dueAtMs: number;
  readonly job: Job | undefined;
}
