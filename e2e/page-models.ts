import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './harness/edge.js';

/** Files that are handed to this project beside it; never part of it. */
const sharedData = join(projectRoot, '../shared/data');
/** The very file that the project's config pins. */
const squeezenetFile = join(sharedData, 'models/squeezenet1_fp16.onnx');
const labelsFile = join(sharedData, 'models/imagenet_synset.txt');
export const dogPicture = join(sharedData, 'images/dog.jpg');

/** Why the tests with SqueezeNet cannot run here, or `undefined`. */
export function squeezenetMissing(): string | undefined {
  const missing = [squeezenetFile, labelsFile, dogPicture].filter((file) => !existsSync(file));
  return missing.length === 0 ? undefined : `SKIPPED, loudly: SqueezeNet needs ${missing.join(', ')}`;
}

/** A repository with SqueezeNet alone, from the shared file, with the project's own config for everything else. */
export async function squeezenetRepository(): Promise<string> {
  const models = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
  const config: unknown = JSON.parse(await readFile(join(projectRoot, 'models/squeezenet/config.json'), 'utf8'));
  if (typeof config !== 'object' || config === null) throw new TypeError('models/squeezenet/config.json is no object');
  const labels = { source: { file: labelsFile }, skipWords: 1 };
  await mkdir(join(models, 'squeezenet'));
  await writeFile(
    join(models, 'squeezenet/config.json'),
    JSON.stringify({ ...config, source: { file: squeezenetFile }, labels }),
  );
  return models;
}
