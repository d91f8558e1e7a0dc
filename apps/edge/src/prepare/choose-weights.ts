import type { RuntimeSession, RuntimeTensors } from '@cutpoint/onnx';
import type { NodeRuntime } from '../ort/runtime.js';
import { WEIGHTS, type Weights } from '../ort/weights.js';
import { feedsOf } from './session-feeds.js';

/** Sharing may cost this much of the time of a run. */
const MOST_SLOWER = 1.05;
/** Alternating runs of each way, after one to warm up. */
const RUNS = 7;
/** Slow networks are timed with fewer, but not with less than three. */
const ENOUGH_MS = 400;
const LEAST_RUNS = 3;

/**
 * The way to hold weights that shares most with other sessions among those that are about as fast as onnxruntime's default:
 * what that costs depends on the network (and on the processor), so it is timed.
 *
 * @param graph of the whole network, its weights in packs
 */
export async function chooseWeights(
  graph: Uint8Array,
  available: RuntimeTensors,
  runtime: Pick<NodeRuntime, 'openWith'>,
): Promise<Weights> {
  const own = await runtime.openWith(graph, 'own');
  try {
    for (const weights of WEIGHTS.filter((way) => way !== 'own')) {
      const shared = await runtime.openWith(graph, weights);
      try {
        if ((await slowness(shared, own, feedsOf(own, available))) <= MOST_SLOWER) return weights;
      } finally {
        await shared.release();
      }
    }
    return 'own';
  } finally {
    await own.release();
  }
}

/** Fastest run ÷ fastest run: whatever else the machine does only makes runs slower. */
async function slowness(one: RuntimeSession, other: RuntimeSession, feeds: RuntimeTensors): Promise<number> {
  const fastest = new Map<RuntimeSession, number>();
  let spentMs = 0;
  for (let run = 0; run <= RUNS && (run <= LEAST_RUNS || spentMs < ENOUGH_MS); run += 1) {
    for (const session of [one, other]) {
      const startedAtMs = performance.now();
      await session.run(feeds);
      const tookMs = performance.now() - startedAtMs;
      if (run === 0) continue;
      spentMs += tookMs;
      fastest.set(session, Math.min(tookMs, fastest.get(session) ?? tookMs));
    }
  }
  return (fastest.get(one) ?? Number.POSITIVE_INFINITY) / (fastest.get(other) ?? 0);
}
