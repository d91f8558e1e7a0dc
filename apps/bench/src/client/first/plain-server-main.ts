import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { fetchTail, fetchVariant } from '../../overhead/edge-documents.js';
import { decodePicture } from '../../profile/picture-decoder.js';
import { ISOLATED_PATH, PLAIN_PAGE } from './plain-page.js';

/**
 * Arguments: an edge's address and a model. Serves the plain page, and classifies what it posts: with the very graph that
 * the edge runs when all is offloaded, the same decoder, and as many threads. Speaks with its parent over IPC.
 */
const THREADS = 1;
const WARM_UP_RUNS = 5;
/** What the edge sends with a page so that it may use threads: the browser starts another process for it. */
const ISOLATED = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };

async function classifier(edgeUrl: string, model: string, dir: string) {
  const { manifest, variant, table } = await fetchVariant(edgeUrl, model, 'pixels');
  const { task } = manifest;
  const [input] = variant.inputs;
  const whole = table.cuts.find(({ id }) => id === 0);
  if (!input || !whole || task.type !== 'classification') throw new Error(`${model} does not classify pictures`);
  const session = await InferenceSession.create(await fetchTail(edgeUrl, manifest, whole, join(dir, 'tail')), {
    executionProviders: ['cpu'],
    intraOpNumThreads: THREADS,
    logSeverityLevel: 3,
  });
  const classify = async (pixels: Uint8Array) => {
    const outputs = await session.run({ [input.name]: new Tensor('uint8', pixels, [...input.dims]) });
    const index = Number(outputs[task.indices]?.data[0]);
    return task.labels[index] ?? `class ${index}`;
  };
  const noPicture = new Uint8Array(input.dims.reduce((product, dim) => product * dim, 1));
  for (let run = 0; run < WARM_UP_RUNS; run++) await classify(noPicture);
  return classify;
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

const [edgeUrl = '', model = ''] = process.argv.slice(2);
const dir = await mkdtemp(join(tmpdir(), 'cutpoint-plain-'));
const classify = await classifier(edgeUrl, model, dir);
const server = createServer(async (request, response) => {
  if (request.method !== 'POST') {
    const headers = request.url === ISOLATED_PATH ? ISOLATED : {};
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(PLAIN_PAGE);
    return;
  }
  try {
    const label = await classify(await decodePicture('jpeg', await bodyOf(request)));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ label }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}).listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
const end = () => rm(dir, { recursive: true, force: true }).finally(() => process.exit());
process.on('disconnect', end);
process.on('SIGTERM', end);
