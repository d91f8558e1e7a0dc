import type { ProtocolError, TensorHeader, TensorInfo } from '@cutpoint/protocol';
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

/** What a worker tells of its sessions with every answer. */
export interface SessionNews {
  /** What it gave up to make room. */
  readonly released: readonly string[];
  /** Providers that were to run a tail and failed, as of this task. */
  readonly fallbacks: readonly ProviderFallback[];
  /** What it holds now. */
  readonly open: OpenTails;
}

export interface TailOutcome extends SessionNews {
  readonly tensors: readonly TensorHeader[];
  readonly payload: Uint8Array<ArrayBuffer>;
  /** The session had to be opened for this task. Its first run is slower than what the profile measured. */
  readonly isFirstRun: boolean;
  /** Where it ran. */
  readonly provider: Provider;
  /** Finding the session, or opening it. No part of `tailMs`. */
  readonly sessionMs: number;
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly encodeMs: number;
}

/** What tells the inputs of a batch apart. */
export type BatchMember = Pick<TailTask, 'inputs' | 'payload'>;

/** Several requests for one tail, to be run at once. */
export interface BatchTask extends Omit<TailTask, 'inputs' | 'payload'> {
  /** Absolute path of the graph that takes many inputs; `graphFile` runs what cannot be run with others. */
  readonly batchGraphFile: string;
  /** How the session for many is to hold the weights; `own` when left out. */
  readonly batchWeights?: Weights;
  readonly members: readonly BatchMember[];
}

/** What became of a batch. */
export interface BatchOutcome {
  /** Of each member, in order. `tailMs` is that of the run it was in; all else that kept it from its answer is in `sessionMs`. */
  readonly outcomes: readonly (TailOutcome | ProtocolError | Error)[];
  /** Members that ran at once; 0 when each ran by itself. */
  readonly together: number;
  /** Why they did not, though there were several; nobody's request is to blame. */
  readonly failure?: string;
}

/** Finds out what a run of so many inputs costs, beside one of one. */
export interface TrialTask extends Omit<TailTask, 'inputs' | 'payload'> {
  readonly batchGraphFile: string;
  readonly batchWeights?: Weights;
  /** What random inputs are made for. */
  readonly inputs: readonly TensorInfo[];
  readonly size: number;
  /** Whether the answers are compared, instead of the times. */
  readonly isCheck: boolean;
}

export interface TrialOutcome {
  /** The fastest run of one input, and of all at once, in ms. */
  readonly oneMs: number;
  readonly togetherMs: number;
  /** Pairs of runs behind these; 0 for a check. */
  readonly pairs: number;
  /** How the answers differ from those of single runs; left out when they do not. */
  readonly difference?: string;
}

/** Sessions that a worker is to let go, by their graph files. */
export interface ReleaseTask {
  readonly release: readonly string[];
}

/** What it did let go. */
export type Released = Omit<SessionNews, 'fallbacks'>;

/** The payload is not what its headers say; nothing was run. */
export interface TailRefusal {
  readonly badTensors: string;
}

/** A member of a batch could not be run, and not for its bytes. */
export interface TailFailure {
  readonly failed: string;
}

/** {@link BatchOutcome} as a worker tells it: between threads an error loses all but its message. */
export interface BatchAnswer extends Omit<BatchOutcome, 'outcomes'> {
  readonly members: readonly (TailOutcome | TailRefusal | TailFailure)[];
}

/** Names what a worker is given, for what is to follow it there. */
export interface Turn {
  readonly turn?: object;
  /** The worker that is at this gets it as well, if it still is. If that goes down with this, another one gets it. */
  readonly behind?: object | undefined;
}

/** Where tails run. It takes at most {@link workers} at a time, and what is behind these; the scheduler sees to that. */
export interface Dispatcher {
  readonly workers: number;
  /** @throws ProtocolError `bad_tensors` when the payload is not what its headers say; any other error is the edge's own */
  run(task: TailTask, turn?: Turn): Promise<TailOutcome>;
  /** Runs several requests for one tail at once. What is wrong with one of them is no harm to the others. */
  runBatch(task: BatchTask, turn?: Pick<Turn, 'turn'>): Promise<BatchOutcome>;
  /** @throws whatever onnxruntime says when it cannot run them at once */
  tryBatch(task: TrialTask): Promise<TrialOutcome>;
  /** Builds a session on every worker and runs it once on zeros, so that no request pays for that. */
  warm(tail: TailDescription): Promise<void>;
  /** Lets go of all tails but those that are served; resolves when their memory is free. */
  keepOnly(isServed: (graphFile: string) => boolean): Promise<void>;
  close(): Promise<void>;
}
