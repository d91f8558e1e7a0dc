import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeProcess } from '../overhead/edge-process.js';
import { overheadNetwork } from '../overhead/network.js';

/** Networks by name, and the channels between their convolutions: tails of roughly 1, 12 and 30 ms on one fast core. */
const NETWORKS = { short: 256, medium: 3_200, long: 8_000 } as const;
/** The project's own repository. */
const MODELS = join(dirname(fileURLToPath(import.meta.url)), '../../../../models');
export type NetworkName = keyof typeof NETWORKS;
export const NETWORK_NAMES = Object.keys(NETWORKS) as readonly NetworkName[];

/** A folder with models, and a store which edges that follow one another share, so that they are prepared once. */
export class Ground implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make(): Promise<Ground> {
    const ground = new Ground(await mkdtemp(join(tmpdir(), 'cutpoint-edge-bench-')));
    for (const name of NETWORK_NAMES) await ground.addNetwork(name, overheadNetwork(NETWORKS[name]));
    return ground;
  }

  /** As a person adds a model to a repository. */
  async addNetwork(name: string, file: Uint8Array): Promise<void> {
    const dir = join(this.dir, 'models', name);
    await mkdir(join(dir, '1'), { recursive: true });
    const model = join(dir, '1', 'model.onnx');
    await writeFile(`${model}.part`, file);
    await rename(`${model}.part`, model);
    const config = { description: 'made for a benchmark', source: { file: 'model.onnx' } };
    await writeFile(join(dir, 'config.json'), JSON.stringify(config));
  }

  /** Adds a model of the project's own repository. */
  async addKnown(name: string): Promise<void> {
    await cp(join(MODELS, name), join(this.dir, 'models', name), { recursive: true });
  }

  /** Puts another version of a network in the place of the one that is there: of the same shape, with other weights. */
  async changeNetwork(name: NetworkName, version: number): Promise<void> {
    await this.addNetwork(name, overheadNetwork(NETWORKS[name] + version));
  }

  /** It believes the load process whose requests those are. */
  async startEdge(...args: readonly string[]): Promise<EdgeProcess> {
    const [modelsDir, homeDir] = [join(this.dir, 'models'), this.dir];
    return await EdgeProcess.start({ modelsDir, homeDir, args: ['--trust-proxy', '127.0.0.1', ...args] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
