import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { sha256Of, sha256OfFile } from '../models/hash.js';
import { calibrationFiles } from './fidelity/calibration-files.js';
import type { PrepareRequest } from './prepared.js';

/** Raise it when the same input would give another manifest, table, graph or pack. */
const PREPARED_FORMAT = 'cutpoint.prepared.v7';
/** What the serving workers use for one session; profiles are made with the same. */
export const SESSION_THREADS = 1;

export interface Machine {
  /** For people, and to keep profiles of another machine from being used. */
  readonly name: string;
  readonly runtime: string;
}

export function thisMachine(): Machine {
  const model = cpus()[0]?.model.trim().replace(/\s+/g, ' ') || process.arch;
  return { name: `${model} x ${availableParallelism()} (${process.platform})`, runtime: runtimeVersion() };
}

function runtimeVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('onnxruntime-node/package.json');
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) {
    return `onnxruntime-node ${String(manifest.version)}`;
  }
  return 'onnxruntime-node';
}

/** Everything that the result depends on, in one name. The model is hashed, not decoded. */
export async function cacheKey(request: PrepareRequest, machine: Machine): Promise<string> {
  const parts = [
    PREPARED_FORMAT,
    machine,
    SESSION_THREADS,
    request.name,
    request.version,
    await sha256OfFile(request.modelFile),
    request.config,
    request.labels,
    await Promise.all((await calibrationFiles(request.calibration)).map(sha256OfFile)),
  ];
  return sha256Of(JSON.stringify(parts));
}
