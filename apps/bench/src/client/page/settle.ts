import { parseCutTable } from '@cutpoint/client';
import { thePicture, theSession } from './opened.js';

export interface SettleRequest {
  /** The whole network and onnxruntime-web have had the time to arrive. */
  readonly leastMs: number;
  /** Settled is what has fetched nothing, and wished for nothing, for so long. */
  readonly quietMs: number;
  readonly mostMs: number;
}

export interface Settled {
  /** Cuts of the last runs. */
  readonly cutsInUse: readonly number[];
  /** Of weights, that the heads of those cuts need. */
  readonly neededBytes: number;
  readonly runs: number;
  readonly hasSettled: boolean;
}

/** The last runs of so many are the steady state. */
const LAST_RUNS = 30;

/** Runs until nothing is fetched any more. */
export async function settle({ leastMs, quietMs, mostMs }: SettleRequest): Promise<Settled> {
  const session = theSession();
  const startMs = performance.now();
  let changedAtMs = startMs;
  const unsubscribe = session.on('progress', () => {
    changedAtMs = performance.now();
  });
  const cuts: number[] = [];
  let variantId = '';
  const passedMs = () => performance.now() - startMs;
  const isQuiet = () => performance.now() - changedAtMs > quietMs;
  while (passedMs() < mostMs && (passedMs() < leastMs || !isQuiet())) {
    const { trace } = await session.runImage(thePicture());
    cuts.push(trace.cut);
    variantId = trace.variant;
    const plan = session.explain();
    if (plan?.wish.arm.cut !== plan?.chosen.arm.cut) changedAtMs = performance.now();
  }
  unsubscribe();
  const cutsInUse = [...new Set(cuts.slice(-LAST_RUNS))];
  const neededBytes = await weightBytes(variantId, cutsInUse);
  return { cutsInUse, neededBytes, runs: cuts.length, hasSettled: isQuiet() };
}

/** Has the whole network run here, with all its weights. */
export async function runLocally(): Promise<void> {
  const cut = theSession()
    .explain()
    ?.candidates.find(({ arm }) => !arm.usesEdge)?.arm.cut;
  if (cut === undefined) throw new Error('no arm does without the edge');
  await theSession().runImage(thePicture(), { cut });
}

async function weightBytes(variantId: string, cuts: readonly number[]): Promise<number> {
  const { variants, packs } = theSession().manifest;
  const variant = variants.find(({ id }) => id === variantId);
  const table = parseCutTable(await (await fetch(`/v1/tables/${variant?.table}`)).json());
  if (table instanceof Error) throw table;
  const needed = new Set(table.cuts.filter(({ id }) => cuts.includes(id)).flatMap(({ headPacks }) => headPacks));
  return [...needed].reduce((sum, index) => sum + (packs[index]?.numBytes ?? 0), 0);
}
