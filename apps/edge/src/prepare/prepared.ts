import type { CutTable, Manifest } from '@cutpoint/protocol';
import type { ModelConfig } from '../models/config.js';
import type { Weights } from '../ort/weights.js';

/** A model that is ready to be served, on disk. */
export interface PreparedModel {
  readonly manifest: Manifest;
  /** By {@link Variant.table}. */
  readonly tables: ReadonlyMap<string, CutTable>;
  /**
   * One flat folder of files named by their sha256: graphs, packs and tables. A graph names its packs by bare file
   * name, so ORT opens it in place and maps the packs.
   */
  readonly objectsDir: string;
  /** By {@link Cut.tailGraph}: the graph that runs many inputs of that tail at once, where one can. No client asks for it. */
  readonly batchGraphs: ReadonlyMap<string, string>;
  /** How its tails are to hold their weights, as timed. */
  readonly weights: Weights;
  /** What a person should know of it, in plain words: why it cannot be cut in the middle, say. Usually empty. */
  readonly notes: readonly string[];
}

/** Hashes of all files that serving it may need. */
export function objectsOf({ manifest, tables, batchGraphs }: PreparedModel): readonly string[] {
  const graphs = [...tables.values()].flatMap(({ cuts }) =>
    cuts.flatMap(({ headGraph, tailGraph }) => [headGraph ?? [], tailGraph ?? []].flat()),
  );
  return [...tables.keys(), ...graphs, ...batchGraphs.values(), ...manifest.packs.map(({ sha256 }) => sha256)];
}

export interface PrepareRequest {
  readonly name: string;
  readonly version: string;
  /** Absolute path of the ONNX file. */
  readonly modelFile: string;
  readonly config: ModelConfig;
  /** Already read from the config's label source, in order; empty when there are none. */
  readonly labels: readonly string[];
  /** JPEG files, absolute paths, on which codecs are tried; without any the project's samples are. */
  readonly calibration?: readonly string[];
  /** Root of the store; what is there already for this content and config is used again. */
  readonly storeDir: string;
  /** Called with each stage, for the log and the page. `done` of `total` are in the stage's own steps. */
  readonly onProgress?: (progress: { readonly stage: string; readonly done: number; readonly total: number }) => void;
  readonly signal?: AbortSignal;
}

export type PrepareModel = (request: PrepareRequest) => Promise<PreparedModel>;
