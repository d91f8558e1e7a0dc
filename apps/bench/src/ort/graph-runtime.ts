import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OnnxRuntime, RuntimeSession, RuntimeValue } from '@cutpoint/onnx';
import { InferenceSession } from 'onnxruntime-node';

const QUIET = { executionProviders: ['cpu'], logSeverityLevel: 3 } as const;

/**
 * What `@cutpoint/onnx` needs to optimise a model and to learn its shapes. It does not run models: shapes of networks that
 * benches use are known without.
 *
 * @param folder for graphs while they are opened; packs that they name lie there
 */
export function graphRuntime(folder: string): OnnxRuntime {
  const written = async (model: Uint8Array): Promise<string> => {
    const file = join(folder, `${randomUUID()}.onnx`);
    await writeFile(file, model);
    return file;
  };
  return {
    async optimize(model) {
      const file = await written(model);
      const saved = `${file}.optimized`;
      try {
        const options = { ...QUIET, graphOptimizationLevel: 'basic', optimizedModelFilePath: saved } as const;
        await (await InferenceSession.create(file, options)).release();
        return await readFile(saved);
      } finally {
        await rm(file, { force: true });
        await rm(saved, { force: true });
      }
    },
    async open(model) {
      const file = await written(model);
      try {
        return described(await InferenceSession.create(file, { ...QUIET, graphOptimizationLevel: 'disabled' }));
      } finally {
        await rm(file, { force: true });
      }
    },
  };
}

function described(session: InferenceSession): RuntimeSession {
  return {
    inputs: session.inputMetadata.map(describeValue),
    outputs: session.outputMetadata.map(describeValue),
    run: () => Promise.reject(new Error('This runtime only describes graphs; the network has dynamic shapes.')),
    release: () => session.release(),
  };
}

function describeValue(metadata: InferenceSession.ValueMetadata): RuntimeValue {
  if (!metadata.isTensor) return { name: metadata.name, isTensor: false, type: '', dims: [] };
  return { name: metadata.name, isTensor: true, type: metadata.type, dims: metadata.shape };
}
