import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchmarkNetworks, encodeModel } from '@cutpoint/onnx';
import * as v from 'valibot';
import { bundlePage } from '../browser/bundle-page.js';
import { EdgeProcess } from '../overhead/edge-process.js';
import { gzipBeside } from './gzip-beside.js';
import { chainNetwork } from './heap/chain-network.js';
import type { ClientOptions } from './options.js';

/** The project's root, as seen from `apps/bench/dist/client`. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
/** Tails that the edge keeps open: those of all cuts that anybody here runs. */
const SESSIONS = 40;
const UNTRAINED = 'bench-squeezenet';
/** A second model, for graphics in software; prepared when it is asked for. */
export const CHAIN = 'chain';

/** Where in the edge's page folder things lie, as pages see them. */
export const PATHS = { network: '/network.onnx', picture: '/picture.jpg', first: '/first/' } as const;

export interface ClientGround {
  readonly edge: EdgeProcess;
  readonly model: string;
  readonly picture: Uint8Array;
}

export interface GroundOptions {
  readonly workDir: string;
  readonly options: ClientOptions;
  readonly print: (line: string) => void;
}

/** Builds the pages, starts the edge with the network, and waits until it can be used. */
export async function prepareClientGround({ workDir, options, print }: GroundOptions): Promise<ClientGround> {
  const { modelFile, storeDir } = options;
  const pageDir = join(workDir, 'page');
  const model = modelFile === undefined ? UNTRAINED : 'squeezenet';
  await buildPages(workDir, pageDir, model);
  if (modelFile === undefined) {
    print(`There is no SqueezeNet: ${UNTRAINED} takes its place, whose answers and deflated sizes mean nothing.`);
    await writeFile(join(pageDir, PATHS.network), encodeModel(benchmarkNetworks.squeezenet.build()));
  } else {
    await copyFile(modelFile, join(pageDir, PATHS.network));
  }
  const picture = await readPicture(modelFile);
  await writeFile(join(pageDir, PATHS.picture), picture);
  const modelsDir = join(workDir, 'models');
  await mkdir(join(modelsDir, model), { recursive: true });
  await writeFile(join(modelsDir, model, 'config.json'), await configOf(model, modelFile));
  await addChain(join(modelsDir, CHAIN));
  const edge = await EdgeProcess.start({
    modelsDir,
    homeDir: workDir,
    args: [
      ...['--page', pageDir, '--store', resolve(storeDir), '--log-level', 'error'],
      ...['--workers', '1', '--threads', '1', '--sessions', String(SESSIONS)],
    ],
  });
  try {
    await edge.untilPrepared(model, print);
    return { edge, model, picture };
  } catch (error) {
    await edge[Symbol.asyncDispose]();
    throw error;
  }
}

/** The bench's own page, and the small one that only shows a first result. */
async function buildPages(workDir: string, pageDir: string, model: string): Promise<void> {
  const script = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const source = (name: string) => join(workDir, 'source', name);
  await bundlePage({
    title: 'client',
    script: script('./page/page.js'),
    sourceDir: source('client'),
    outDir: pageDir,
  });
  await bundlePage({
    title: 'first result',
    // What `docs/embedding.md` says of a first result.
    head:
      `<script type="module" async src="${PATHS.first}picture.js" vite-ignore></script>` +
      `<link rel="preload" as="fetch" crossorigin href="/v1/models/${model}/manifest" />`,
    script: script('./first/own-page.js'),
    sourceDir: source('first'),
    outDir: join(pageDir, PATHS.first),
    base: PATHS.first,
  });
  await copyFile(script('./first/picture.js'), join(pageDir, PATHS.first, 'picture.js'));
  await gzipBeside(pageDir);
}

/** The project's own config; of SqueezeNet with the file that is there instead of the address. */
async function configOf(model: string, modelFile: string | undefined): Promise<string> {
  const text = await readFile(join(ROOT, 'models', model, 'config.json'), 'utf8');
  if (modelFile === undefined) return text;
  const { labels: _, ...config } = v.parse(v.record(v.string(), v.unknown()), JSON.parse(text));
  const labels = join(dirname(modelFile), 'imagenet_synset.txt');
  const hasLabels = await readFile(labels).then(
    () => true,
    () => false,
  );
  return JSON.stringify({
    ...config,
    source: { file: resolve(modelFile) },
    ...(hasLabels ? { labels: { source: { file: resolve(labels) }, skipWords: 1 } } : {}),
  });
}

async function addChain(dir: string): Promise<void> {
  await mkdir(dir);
  await writeFile(join(dir, 'model.onnx'), chainNetwork());
  const config = { description: 'for the client bench', source: { file: 'model.onnx' } };
  await writeFile(join(dir, 'config.json'), JSON.stringify(config));
}

/** A photograph beside the network, else a sample of the demo page. */
function readPicture(modelFile: string | undefined): Promise<Uint8Array> {
  const sample = join(ROOT, 'apps/demo/public/samples/board.jpg');
  if (modelFile === undefined) return readFile(sample);
  return readFile(join(dirname(modelFile), '../images/dog.jpg')).catch(() => readFile(sample));
}
