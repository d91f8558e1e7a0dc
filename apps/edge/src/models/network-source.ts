import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BenchmarkNetworkName, benchmarkNetworks, encodeModel, type NetworkApart } from '@cutpoint/onnx';
import { ModelError } from './error.js';
import { sha256OfFile } from './hash.js';

/** What is built is kept under this number; raise it when the same name would give other bytes. */
const NETWORKS_FORMAT = 1;
const MODEL_FILE = 'model.onnx';
const WEIGHTS_FILE = /^([0-9a-f]{64})\.weights$/;

export interface NetworkFileOptions {
  readonly storeDir: string;
  readonly signal?: AbortSignal;
}

/**
 * The ONNX file of a benchmark network, built when it is not in the store yet or is damaged there. Its weights lie in a file
 * beside it, written piece by piece: the largest network has 553 MB of them, and whoever serves others meanwhile has
 * neither the memory nor the time to hold them at once.
 *
 * @throws ModelError `store_full`, `store_failed`, `aborted`
 */
export async function networkFile(
  name: BenchmarkNetworkName,
  { storeDir, signal }: NetworkFileOptions,
): Promise<string> {
  const networks = join(storeDir, 'networks');
  const folder = join(networks, `${name}-${NETWORKS_FORMAT}`);
  let building: string | undefined;
  try {
    if (!(await isWhole(folder))) {
      await mkdir(networks, { recursive: true });
      // Somewhere else first: what is in its place is whole, also when two processes build at once.
      building = await mkdtemp(`${folder}.part-`);
      const network = benchmarkNetworks[name].buildApart();
      const weights = await writeWeights(network, building, signal);
      await writeFile(join(building, MODEL_FILE), encodeModel(network.model(weights)));
      await rm(folder, { recursive: true, force: true });
      await rename(building, folder);
    }
    return join(folder, MODEL_FILE);
  } catch (error) {
    if (building !== undefined) await rm(building, { recursive: true, force: true });
    if (signal?.aborted === true) throw new ModelError('aborted', `building ${name} was stopped`, { cause: error });
    throw ModelError.fromStore(error, folder);
  }
}

async function isWhole(folder: string): Promise<boolean> {
  const files: readonly string[] = await readdir(folder).catch(() => []);
  if (!files.includes(MODEL_FILE)) return false;
  for (const name of files) {
    const sha256 = WEIGHTS_FILE.exec(name)?.[1];
    if (sha256 !== undefined) return (await sha256OfFile(join(folder, name))) === sha256;
  }
  return false;
}

/** @returns the name of the file, which tells its content: the model names it, so the model's hash covers its weights. */
async function writeWeights(network: NetworkApart, folder: string, signal: AbortSignal | undefined): Promise<string> {
  const part = join(folder, 'weights.part');
  const hash = createHash('sha256');
  const handle = await open(part, 'w');
  try {
    for (const piece of network.weights()) {
      signal?.throwIfAborted();
      hash.update(piece);
      await handle.writeFile(piece);
    }
  } finally {
    await handle.close();
  }
  const name = `${hash.digest('hex')}.weights`;
  await rename(part, join(folder, name));
  return name;
}
