import { ProtocolError } from '@cutpoint/protocol';
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import * as v from 'valibot';
import {
  type BatchTask,
  PROVIDERS,
  type Released,
  type ReleaseTask,
  type TailRefusal,
  type TailTask,
  type TrialOutcome,
  type TrialTask,
} from './dispatcher/dispatcher.js';
import { runBatch } from './dispatcher/run-batch.js';
import { runTail } from './dispatcher/run-tail.js';
import { TailSessions } from './dispatcher/tail-sessions.js';
import { tryBatch } from './dispatcher/try-batch.js';
import { giveWay } from './ort/give-way.js';

/**
 * Runs tails on this thread, which onnxruntime-node blocks while it runs. Its default export is what Piscina calls.
 */

const options = v.parse(
  v.object({
    maxSessions: v.number(),
    maxBytes: v.number(),
    threads: v.number(),
    providers: v.array(v.picklist(PROVIDERS)),
  }),
  workerData,
);
const sessions = new TailSessions(options);
giveWay();

/** What runs now: a session is not to be let go in the middle of its run. */
let last: Promise<unknown> = Promise.resolve();

type Task = TailTask | BatchTask | TrialTask | ReleaseTask;
type Answer = ReturnType<typeof move> | TailRefusal | TrialOutcome | Released;

export default async function runInTurn(task: Task): Promise<Answer> {
  const turn = last.then(async () => await run(task));
  last = turn.catch(() => undefined);
  return await turn;
}

async function run(task: Task): Promise<Answer> {
  if ('release' in task) return await release(task);
  if ('isCheck' in task) return await tryBatch(sessions, task);
  return 'members' in task ? await runMany(task) : await runOne(task);
}

async function release(task: ReleaseTask): Promise<Released> {
  return { released: await sessions.release(task.release), open: sessions.held };
}

async function runOne(task: TailTask): Promise<ReturnType<typeof move> | TailRefusal> {
  try {
    const outcome = await runTail(sessions, task);
    return handedOver(outcome, [outcome.payload]);
  } catch (error) {
    // Between threads an error loses all but its message.
    if (error instanceof ProtocolError) return { badTensors: error.message };
    throw error;
  }
}

async function runMany(task: BatchTask): Promise<ReturnType<typeof move>> {
  const answer = await runBatch(sessions, task);
  return handedOver(
    answer,
    answer.members.flatMap((member) => ('payload' in member ? member.payload : [])),
  );
}

/** Hands the payloads' memory over instead of copying it. */
function handedOver(answer: object, payloads: readonly Uint8Array<ArrayBuffer>[]): ReturnType<typeof move> {
  return move({ [transferableSymbol]: payloads.map(({ buffer }) => buffer), [valueSymbol]: answer });
}
