import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { type ExternalDataResolver, OnnxError } from '@cutpoint/onnx';

export interface ModelFile {
  readonly bytes: Uint8Array;
  /** Reads files of weights beside the model, each once. */
  readonly externalData: ExternalDataResolver;
}

/** @throws OnnxError `not_onnx` when the file cannot be read */
export async function readModelFile(file: string): Promise<ModelFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new OnnxError('not_onnx', `"${file}" cannot be read: ${codeOf(cause)}. Check the path.`, { cause });
  }
  return { bytes, externalData: besideModel(dirname(file)) };
}

function besideModel(dir: string): ExternalDataResolver {
  const files = new Map<string, Uint8Array>();
  return (location) => {
    // A model must not make us read files from anywhere else; onnxruntime refuses such paths too.
    if (isAbsolute(location) || normalize(location).startsWith('..')) return undefined;
    const known = files.get(location);
    if (known) return known;
    try {
      const bytes = readFileSync(join(dir, location));
      files.set(location, bytes);
      return bytes;
    } catch {
      return undefined;
    }
  };
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
