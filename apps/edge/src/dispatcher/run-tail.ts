import { decodePayload } from '../decoding/payload.js';
import type { TailOutcome, TailTask } from './dispatcher.js';
import type { TailSessions } from './tail-sessions.js';
import { collect, feedsOf, type OrtTensors } from './tail-tensors.js';

/** @throws ProtocolError `bad_tensors`, and whatever onnxruntime says */
export async function runTail(sessions: TailSessions, task: TailTask): Promise<TailOutcome> {
  const startedAt = performance.now();
  const { graphFile, weights = 'own', outputs } = task;
  const found = await sessions.open(graphFile, weights);
  const openedAt = performance.now();
  const feeds = feedsOf(await decodePayload(task.inputs, task.payload));
  const decodedAt = performance.now();
  const { result, opened } = await sessions.run(graphFile, weights, found, async (session) => {
    return (await session.run(feeds, [...outputs])) as OrtTensors;
  });
  const ranAt = performance.now();
  return {
    ...collect(outputs, result),
    isFirstRun: opened.isNew,
    provider: opened.tail.provider,
    released: opened.released,
    fallbacks: opened.fallbacks,
    open: sessions.held,
    sessionMs: openedAt - startedAt,
    decodeMs: decodedAt - openedAt,
    tailMs: ranAt - decodedAt,
    encodeMs: performance.now() - ranAt,
  };
}
