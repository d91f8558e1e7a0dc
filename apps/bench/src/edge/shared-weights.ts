import { setTimeout as sleep } from 'node:timers/promises';
import { fetchVariant } from '../overhead/edge-documents.js';
import { StreamClient } from '../overhead/stream-client.js';
import { round } from '../statistics.js';
import type { Ground } from './ground.js';
import { processMemory } from './memory.js';
import { servedTail, type TailRequest, tailRequest } from './served-tail.js';

/** Of the network's 244 MB of weights nearly all are read by products of matrices, so that sharing them costs no time. */
const MODEL = 'bench-alexnet';
const TAILS = 10;
/** As many before each look, so that what opening models left behind has been collected by then: garbage is no tail. */
const REQUESTS = 200;
const BYTES_PER_MB = 1e6;
/** What opening a model needed for a moment is given back late: memory is settled when it has not shrunk for so long. */
const SETTLED_AFTER_MS = 4_000;
const LOOK_EVERY_MS = 500;
/** Less than this is no shrinking. */
const SHRUNK_MB = 2;

/** What ten tails of one network cost at an edge, against one of them. */
export async function measureSharedWeights(ground: Ground, print: (line: string) => void) {
  await ground.addKnown(MODEL);
  // Once to prepare it, so that nothing of that is in the figures.
  {
    await using preparing = await ground.startEdge();
    await preparing.untilPrepared(MODEL, print);
  }
  await using edge = await ground.startEdge('--workers', '1');
  using client = await StreamClient.open(edge.url);
  const other = await servedTail(edge.url, 'medium');
  const pssMBAfter = async (requests: readonly TailRequest[]) => {
    for (let index = 0; index < REQUESTS; index += 1) {
      const { message, parts } = requests[index % requests.length] ?? other;
      await client.infer(message, parts);
    }
    return await settledPssMB(edge.pid);
  };
  const baseMB = await pssMBAfter([other]);
  await edge.untilPrepared(MODEL, print);
  const documents = await fetchVariant(edge.url, MODEL, 'pixels');
  const cuts = documents.table.cuts.filter(({ tailGraph }) => tailGraph !== null).slice(0, TAILS);
  if (cuts.length < TAILS) throw new Error(`${MODEL} has only ${cuts.length} tails`);
  const tails = cuts.map((cut) => tailRequest(documents, cut));
  const oneMB = await pssMBAfter(tails.slice(0, 1));
  const tenMB = await pssMBAfter(tails);
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

async function settledPssMB(pid: number): Promise<number> {
  let leastMB = Number.POSITIVE_INFINITY;
  let leastAtMs = performance.now();
  while (performance.now() - leastAtMs < SETTLED_AFTER_MS) {
    const nowMB = (await processMemory(pid)).proportionalBytes / BYTES_PER_MB;
    if (nowMB < leastMB - SHRUNK_MB) leastAtMs = performance.now();
    leastMB = Math.min(leastMB, nowMB);
    await sleep(LOOK_EVERY_MS);
  }
  return leastMB;
}
