import { randomUUID } from 'node:crypto';
import { readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnnxRuntime, RuntimeSession, RuntimeValue } from '@cutpoint/onnx';
import { InferenceSession } from 'onnxruntime-node';
import { fromOrt, toOrt } from './tensors.js';
import { WEIGHT_OPTIONS, type Weights } from './weights.js';

export interface NodeRuntimeOptions {
  /**
   * Folder for graphs while they are opened. Packs that graphs name must lie in it: onnxruntime finds external data
   * beside the model file and maps it instead of reading it.
   */
  readonly dir: string;
  /** Threads of one session; onnxruntime's default when left out. */
  readonly threads?: number;
}

export interface NodeRuntime extends OnnxRuntime {
  /** Opens a model as it is served, with its weights held in this way. */
  openWith(model: Uint8Array, weights: Weights): Promise<RuntimeSession>;
}

type SessionOptions = InferenceSession.SessionOptions;

/** Errors only: warnings about shapes of graphs that we wrote ourselves are noise. */
const QUIET = 3;

/** `OnnxRuntime` on onnxruntime-node, which blocks the calling thread while it creates and runs. */
export function createNodeRuntime({ dir, threads }: NodeRuntimeOptions): NodeRuntime {
  const base: SessionOptions = {
    executionProviders: ['cpu'],
    logSeverityLevel: QUIET,
    ...(threads !== undefined && { intraOpNumThreads: threads }),
  };

  /** onnxruntime reads the file while it creates the session; after that only packs stay mapped. */
  async function withFile<T>(model: Uint8Array, use: (file: string) => Promise<T>): Promise<T> {
    const file = join(dir, `${randomUUID()}.onnx`);
    try {
      await writeFile(file, model);
      return await use(file);
    } finally {
      await rm(file, { force: true });
    }
  }

  return {
    optimize: (model) =>
      withFile(model, async (file) => {
        const saved = `${file}.optimized`;
        try {
          const session = await InferenceSession.create(file, {
            ...base,
            ...WEIGHT_OPTIONS.mapped,
            graphOptimizationLevel: 'basic',
            optimizedModelFilePath: saved,
          });
          await session.release();
          return await readFile(saved);
        } catch (error) {
          throw await unlessFull(error, dir, model.byteLength);
        } finally {
          await rm(saved, { force: true });
        }
      }),
    open: (model, { purpose = 'run' } = {}) =>
      withFile(model, async (file) => {
        if (purpose === 'run') return sessionOf(await createSession(file, base));
        const options: SessionOptions = { ...base, ...WEIGHT_OPTIONS.mapped, graphOptimizationLevel: 'disabled' };
        return sessionOf(await InferenceSession.create(file, options));
      }),
    openWith: (model, weights) =>
      withFile(model, async (file) => sessionOf(await createSession(file, { ...base, ...WEIGHT_OPTIONS[weights] }))),
  };
}

/** Where onnxruntime itself could not write so much it does not say why; while what it wrote is still there the disk does. */
async function unlessFull(error: unknown, dir: string, numBytes: number): Promise<unknown> {
  const space = await statfs(dir).catch(() => undefined);
  if (space === undefined || space.bavail * space.bsize >= numBytes) return error;
  const message = `no space left on the disk that holds ${dir}: free some, or choose another store folder`;
  return Object.assign(new Error(message, { cause: error }), { code: 'ENOSPC' });
}

/**
 * A session at full optimisation. Some fp16 graphs break onnxruntime's higher levels on the CPU (it looks for a cast
 * that it has removed itself); those run at `basic`.
 */
export async function createSession(file: string, options: SessionOptions = {}): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(file, options);
  } catch (error) {
    const isOwnCast =
      error instanceof Error && /InsertedPrecisionFreeCast|does not match expected type/.test(error.message);
    if (!isOwnCast) throw error;
    return InferenceSession.create(file, { ...options, graphOptimizationLevel: 'basic' });
  }
}

/** Wraps an onnxruntime-node session. */
export function sessionOf(session: InferenceSession): RuntimeSession {
  return {
    inputs: session.inputMetadata.map(describeValue),
    outputs: session.outputMetadata.map(describeValue),
    run: async (feeds, fetches) => fromOrt(await session.run(toOrt(feeds), fetches ?? session.outputNames)),
    release: () => session.release(),
  };
}

function describeValue(metadata: InferenceSession.ValueMetadata): RuntimeValue {
  if (!metadata.isTensor) return { name: metadata.name, isTensor: false, type: '', dims: [] };
  return { name: metadata.name, isTensor: true, type: metadata.type, dims: metadata.shape };
}
