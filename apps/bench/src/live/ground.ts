import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeProcess } from '../overhead/edge-process.js';
import type { Cores } from './device/pinning.js';
import { buildPage } from './page/build-page.js';

/** The project's root, as seen from `apps/bench/dist/live`. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
/** Tails that the edge keeps open: those of all cuts that anybody here runs. */
const SESSIONS = 40;

export interface Ground {
  readonly edge: EdgeProcess;
  /** As the page sees them. */
  readonly pictures: readonly string[];
}

export interface GroundOptions {
  readonly workDir: string;
  readonly storeDir: string;
  readonly models: readonly string[];
  readonly cores: Cores;
  readonly print: (line: string) => void;
}

/** Builds the page, starts the edge with these models alone, and waits until they can be used. */
export async function prepareGround({ workDir, storeDir, models, cores, print }: GroundOptions): Promise<Ground> {
  const modelsDir = join(workDir, 'models');
  for (const model of models) {
    await mkdir(join(modelsDir, model), { recursive: true });
    await copyFile(join(ROOT, 'models', model, 'config.json'), join(modelsDir, model, 'config.json'));
  }
  const pictures = await buildPage(ROOT, join(workDir, 'page'));
  const store = resolve(storeDir);
  const edge = await EdgeProcess.start({
    modelsDir,
    homeDir: workDir,
    core: cores.edge,
    args: [
      ...['--page', join(workDir, 'page', 'built'), '--store', store, '--log-level', 'error'],
      ...['--workers', '1', '--threads', '1', '--sessions', String(SESSIONS)],
    ],
  });
  try {
    for (const model of models) await edge.untilPrepared(model, print);
    return { edge, pictures };
  } catch (error) {
    await edge[Symbol.asyncDispose]();
    throw error;
  }
}
