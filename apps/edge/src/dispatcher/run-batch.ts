import { ProtocolError } from '@cutpoint/protocol';
import type { InferenceSession } from 'onnxruntime-node';
import { decodePayload } from '../decoding/payload.js';
import type { BatchAnswer, BatchMember, BatchTask, TailFailure, TailOutcome, TailRefusal } from './dispatcher.js';
import { runTail } from './run-tail.js';
import type { TailSessions } from './tail-sessions.js';
import { collect, feedsOf, type OrtTensors, stack } from './tail-tensors.js';

interface Decoded {
  readonly feeds: OrtTensors;
  readonly decodeMs: number;
}

/** Runs all members at once whose bytes are what they say; each by itself where that fails. */
export async function runBatch(sessions: TailSessions, task: BatchTask): Promise<BatchAnswer> {
  const startedAt = performance.now();
  const decoded: (Decoded | TailRefusal)[] = [];
  for (const member of task.members) decoded.push(await decode(member));
  const good = decoded.filter((each) => 'feeds' in each);
  if (good.length < 2) return { members: await runEach(sessions, task, decoded), together: 0 };
  let outcomes: readonly TailOutcome[];
  try {
    outcomes = await runTogether(sessions, task, good, startedAt);
  } catch (error) {
    const members = await runEach(sessions, task, decoded);
    // What fails by itself as well failed the run of all: no other batch need fear that.
    if (members.some((member) => 'failed' in member)) return { members, together: 0 };
    return { members, together: 0, failure: error instanceof Error ? error.message : String(error) };
  }
  const next = outcomes.values();
  const members = decoded.map((each) => ('feeds' in each ? (next.next().value as TailOutcome) : each));
  return { members, together: good.length };
}

async function decode({ inputs, payload }: BatchMember): Promise<Decoded | TailRefusal> {
  const startedAt = performance.now();
  try {
    const feeds = feedsOf(await decodePayload(inputs, payload));
    return { feeds, decodeMs: performance.now() - startedAt };
  } catch (error) {
    if (error instanceof ProtocolError) return { badTensors: error.message };
    throw error;
  }
}

async function runTogether(
  sessions: TailSessions,
  { batchGraphFile, batchWeights = 'own', outputs }: BatchTask,
  members: readonly Decoded[],
  startedAt: number,
): Promise<readonly TailOutcome[]> {
  const found = await sessions.open(batchGraphFile, batchWeights);
  const readyAt = performance.now();
  const { result, opened } = await sessions.run(batchGraphFile, batchWeights, found, async (session) => {
    return await runStacked(session, members, outputs);
  });
  const tailMs = performance.now() - readyAt;
  const encoded = members.map((_, part) => {
    const encodedFrom = performance.now();
    const own = collect(outputs, result, { part, of: members.length });
    return { ...own, encodeMs: performance.now() - encodedFrom };
  });
  const tookMs = performance.now() - startedAt;
  return encoded.map(({ tensors, payload, encodeMs }, part) => {
    const { decodeMs } = members[part] ?? { decodeMs: 0 };
    const { released, fallbacks, isNew: isFirstRun, tail } = opened;
    const common = { isFirstRun, provider: tail.provider, released, fallbacks, open: sessions.held };
    // What was done for the others is a wait for this one.
    const sessionMs = Math.max(0, tookMs - decodeMs - tailMs - encodeMs);
    return { ...common, tensors, payload, sessionMs, decodeMs, tailMs, encodeMs };
  });
}

/** Inputs of many in, outputs of many out. */
export async function runStacked(
  session: InferenceSession,
  members: readonly Pick<Decoded, 'feeds'>[],
  outputs: readonly string[],
): Promise<OrtTensors> {
  const ranks = new Map(session.inputMetadata.map((input) => [input.name, input.isTensor ? input.shape.length : 0]));
  const feeds = stack(
    members.map((member) => member.feeds),
    (name) => ranks.get(name),
  );
  return (await session.run(feeds, [...outputs])) as OrtTensors;
}

/** One after another; what was refused is left so. */
async function runEach(
  sessions: TailSessions,
  { members, batchGraphFile: _, ...common }: BatchTask,
  decoded: readonly (Decoded | TailRefusal)[],
): Promise<BatchAnswer['members']> {
  const outcomes: (TailOutcome | TailRefusal | TailFailure)[] = [];
  const startedAt = performance.now();
  for (const [index, member] of members.entries()) {
    const each = decoded[index];
    if (each !== undefined && 'badTensors' in each) outcomes.push(each);
    else {
      const waitedMs = performance.now() - startedAt;
      outcomes.push(
        await runTail(sessions, { ...common, ...member }).then(
          (outcome) => ({ ...outcome, sessionMs: outcome.sessionMs + waitedMs }),
          (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) }),
        ),
      );
    }
  }
  return outcomes;
}
