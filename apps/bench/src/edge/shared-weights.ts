import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fetchVariant } from '../overhead/edge-documents.js';
import { StreamClient } from '../overhead/stream-client.js';
import { round } from '../statistics.js';
import type { Ground } from './ground.js';
import { processMemory } from './memory.js';
import { tailRequest } from './served-tail.js';

/** Of the network's 244 MB of weights nearly all are read by products of matrices, so that sharing them costs no time. */
const MODEL = 'bench-alexnet';
const MODELS = join(dirname(fileURLToPath(import.meta.url)), '../../../../models');
const TAILS = 10;
const BYTES_PER_MB = 1e6;
/** What the garbage collector gives back takes a moment. */
const SETTLE_MS = 1_500;

/** What ten tails of one network cost at an edge, against one of them. */
export async function measureSharedWeights(ground: Ground, print: (line: string) => void) {
  await cp(join(MODELS, MODEL), join(ground.dir, 'models', MODEL), { recursive: true });
  // Once to prepare it, so that nothing of that is in the figures.
  {
    await using preparing = await ground.startEdge();
    await preparing.untilPrepared(MODEL, print);
  }
  await using edge = await ground.startEdge('--workers', '1');
  const pssMB = async () => {
    await sleep(SETTLE_MS);
    return (await processMemory(edge.pid)).proportionalBytes / BYTES_PER_MB;
  };
  const baseMB = await pssMB();
  await edge.untilPrepared(MODEL, print);
  const documents = await fetchVariant(edge.url, MODEL, 'pixels');
  const cuts = documents.table.cuts.filter(({ tailGraph }) => tailGraph !== null).slice(0, TAILS);
  if (cuts.length < TAILS) throw new Error(`${MODEL} has only ${cuts.length} tails`);
  using client = await StreamClient.open(edge.url);
  const run = async (tails: typeof cuts) => {
    for (const cut of tails) {
      const { message, parts } = tailRequest(documents, cut);
      await client.infer(message, parts);
    }
  };
  await run(cuts.slice(0, 1));
  const oneMB = await pssMB();
  await run(cuts);
  const tenMB = await pssMB();
  return {
    network: MODEL,
    weightsMB: round(documents.manifest.packs.reduce((sum, { numBytes }) => sum + numBytes, 0) / BYTES_PER_MB, 1),
    baseMB: round(baseMB, 1),
    oneTailMB: round(oneMB - baseMB, 1),
    tenTailsMB: round(tenMB - baseMB, 1),
    pssTenTailsRatio: round((tenMB - baseMB) / (oneMB - baseMB)),
    wholeProcessRatio: round(tenMB / oneMB),
  };
}
