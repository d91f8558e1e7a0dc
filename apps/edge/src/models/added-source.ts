import { resolve } from 'node:path';
import { type BenchmarkNetworkName, benchmarkNetworks, type InputDims, isBenchmarkNetworkName } from '@cutpoint/onnx';
import type { Source } from './config.js';
import { ModelError } from './error.js';
import { parseNpmSpec } from './npm-source.js';

/** What a person typed behind the name, before anything is fetched. An address may still lack its pin. */
export type TypedSource = Source | { readonly https: string; readonly sha256?: undefined };

/**
 * @param text `net.onnx`, `npm:@scope/name@1.2.3/path/net.onnx`, `https://host/net.onnx` or `network:resnet18`
 * @param from folder where relative files start
 */
export function parseSource(text: string, sha256: string | undefined, from: string): TypedSource {
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new ModelError('bad_arguments', `--sha256 ${sha256}: a sha256 is 64 lower-case hexadecimal digits`);
  }
  const pin = sha256 === undefined ? {} : { sha256 };
  if (text.startsWith('npm:')) {
    const match = /^npm:((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(text);
    const [spec, path] = [match?.[1], match?.[2]];
    if (spec === undefined || path === undefined) {
      throw new ModelError('bad_arguments', `${text}: write a package as npm:@scope/name@1.2.3/path/in/it.onnx`);
    }
    parseNpmSpec(spec);
    return { npm: spec, path, ...pin };
  }
  const network = parseNetwork(text);
  if (network !== undefined) return { network };
  if (text.startsWith('https://')) {
    const https = new URL(text).href;
    return sha256 === undefined ? { https } : { https, sha256 };
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) {
    throw new ModelError(
      'bad_arguments',
      `${text}: only https addresses are fetched; download it yourself and add the file`,
    );
  }
  return { file: resolve(from, text), ...pin };
}

/**
 * The name behind `network:`; `undefined` for a text that is something else.
 * @throws ModelError `bad_arguments` with the names that there are
 */
export function parseNetwork(text: string): BenchmarkNetworkName | undefined {
  if (!text.startsWith('network:')) return undefined;
  const name = text.slice('network:'.length);
  if (isBenchmarkNetworkName(name)) return name;
  const names = Object.keys(benchmarkNetworks).join(', ');
  throw new ModelError('bad_arguments', `${text}: there is no such benchmark network; there are ${names}`);
}

/**
 * Buckets of dimensions from `--dims name=1,3,224,224`, in order: a name that comes again starts the next bucket.
 */
export function parseDims(texts: readonly string[]): readonly InputDims[] {
  const buckets: Record<string, number[]>[] = [];
  for (const text of texts) {
    const match = /^(.+)=(\d+(?:,\d+)*)$/.exec(text);
    const [name, dims] = [match?.[1], match?.[2]];
    if (name === undefined || dims === undefined) {
      throw new ModelError('bad_arguments', `--dims ${text}: write it like x=1,3,224,224`);
    }
    let bucket = buckets.at(-1);
    if (bucket === undefined || Object.hasOwn(bucket, name)) {
      bucket = {};
      buckets.push(bucket);
    }
    bucket[name] = dims.split(',').map(Number);
  }
  return buckets;
}
