import type { TensorHeader } from '@cutpoint/protocol';
import type { Weights } from '../ort/weights.js';

/** One tail to run, in plain parts that can travel to a thread or to another machine. */
export interface TailTask {
  /** Absolute path of the tail's graph; its packs lie beside it. */
  readonly graphFile: string;
  readonly inputs: readonly TensorHeader[];
  /** The inputs' bytes in order, without gaps. Handed over: the caller may not touch it afterwards. */
  readonly payload: Uint8Array<ArrayBuffer>;
  /** Names of the outputs to return, in order. */
  readonly outputs: readonly string[];
  /** How its session is to hold the weights; `own` when left out. */
  readonly weights?: Weights;
}

/** A tail without an input for it. */
export type TailDescription = Omit<TailTask, 'payload'>;

/** Where a tail can be run; all edges have the first. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda'] as const;
export type Provider = (typeof PROVIDERS)[number];

/** `measured`: as is best for each model. `always` is slower for many, `never` costs memory. */
export const SHARE_WEIGHTS = ['measured', 'always', 'never'] as const;
export type ShareWeights = (typeof SHARE_WEIGHTS)[number];

/** A tail that is not run where it should be. */
export interface ProviderFallback {
  readonly provider: Provider;
  readonly reason: string;
}

/** Tails that are held open. */
export interface OpenTails {
  readonly count: number;
  /** As estimated, without weights that they share. */
  readonly numBytes: number;
}

export interface TailOutcome {
  readonly tensors: readonly TensorHeader[];
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The session had to be opened for this task. Its first run is slower than what the profile measured. */
  readonly isFirstRun: boolean;
  /** Where it ran. */
  readonly provider: Provider;
  /** What this worker gave up to make room for the session. */
  readonly released: readonly string[];
  /** Providers that were to run it and failed, as of this task. */
  readonly fallbacks: readonly ProviderFallback[];
  /** What this worker holds now. */
  readonly open: OpenTails;
  /** Finding the session, or opening it. No part of `tailMs`. */
  readonly sessionMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
}

/** Sessions that a worker is to let go, by their graph files. */
export interface ReleaseTask {
  readonly release: readonly string[];
}

/** What it did let go. */
export type Released = Pick<TailOutcome, 'released' | 'open'>;

/** The payload is not what its headers say; nothing was run. */
export interface TailRefusal {
  readonly badTensors: string;
}

/** Where tails run. It takes at most {@link workers} at a time; the scheduler sees to that. */
export interface Dispatcher {
  readonly workers: number;
  /** @throws ProtocolError `bad_tensors` when the payload is not what its headers say; any other error is the edge's own */
  run(task: TailTask): Promise<TailOutcome>;
  /** Builds a session on every worker and runs it once on zeros, so that no request pays for that. */
  warm(tail: TailDescription): Promise<void>;
  /** Lets go of all tails but those that are served; resolves when their memory is free. */
  keepOnly(isServed: (graphFile: string) => boolean): Promise<void>;
  close(): Promise<void>;
}
