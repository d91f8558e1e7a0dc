import { connect, type Plan, type PolicyName, type Session, type Trace } from '@cutpoint/client';
import type { ArmFacts, ArmName, InferenceRecord } from '../record.js';
import { refuseDeflate } from './refuse-deflate.js';

/** Runs inside the browser, bundled with the real client. */

/** Who decides, or what was decided for all. */
export type Chooser = { readonly policy: string } | { readonly arm: ArmName };

export interface BlockRequest {
  readonly chooser: Chooser;
  /** Inferences before those that are measured: the link and the edge get used to this chooser. */
  readonly settling: number;
  readonly runs: number;
  /** For each inference. */
  readonly timeoutMs: number;
}

export interface Block {
  readonly records: readonly InferenceRecord[];
  readonly errors: readonly string[];
}

export interface LivePage {
  open(model: string, pictures: readonly string[]): Promise<{ device: string; arms: ArmFacts[] }>;
  /** Runs until no head is lacking, or time is up. @returns whether none is lacking */
  prepare(chooser: Chooser, budgetMs: number): Promise<boolean>;
  block(request: BlockRequest): Promise<Block>;
  /** ms of a fixed amount of work in a worker, the fastest of some tries. */
  spin(): Promise<number>;
}

const PREPARE_PAUSE_MS = 100;
const PATIENT_MS = 60_000;

/**
 * One session for each chooser, so that a policy neither inherits the arm in use nor what was learnt of single arms from
 * another. They share connection, heads, and what is known of link, edge and device.
 */
const sessions = new Map<string, Session>();
let first: Session | undefined;
let pictures: readonly ImageBitmap[] = [];
let nextPicture = 0;

async function sessionOf(chooser: Chooser): Promise<Session> {
  const name = JSON.stringify(chooser);
  const known = sessions.get(name);
  if (known) return known;
  if (!first) throw new Error('open first');
  // The cast: names come from the bench, whose list is the partition module's.
  const policy = ('policy' in chooser ? chooser.policy : 'offload') as PolicyName;
  const session = await connect('/', { model: first.manifest.model, share: first, policy });
  await session.ready();
  sessions.set(name, session);
  return session;
}

async function runOnce(chooser: Chooser, timeoutMs: number): Promise<Trace> {
  const session = await sessionOf(chooser);
  const picture = pictures[nextPicture++ % pictures.length];
  if (!picture) throw new Error('no pictures');
  const signal = AbortSignal.timeout(timeoutMs);
  const { trace } = await session.runImage(picture, { signal, ...('arm' in chooser ? chooser.arm : {}) });
  return trace;
}

/** Sessions are ready before they run anything. */
function decided({ plan }: Trace): Plan {
  if (!plan) throw new Error('an inference that nothing decided');
  return plan;
}

function recordOf(trace: Trace): InferenceRecord {
  const plan = decided(trace);
  const { chosen, conditions } = plan;
  const { waitMs, headMs, encodeMs, uploadMs, queueMs, tailMs, downloadMs } = trace;
  const totalMs = trace.totalMs - trace.resizeMs;
  const decodeMs = trace.edge?.decodeMs ?? 0;
  const explainedMs = waitMs + headMs + encodeMs + uploadMs + queueMs + decodeMs + tailMs + downloadMs;
  return {
    atMs: trace.startedAtMs,
    cut: trace.cut,
    codec: trace.codec,
    totalMs,
    stages: {
      ...{ waitMs, headMs, encodeMs, uploadMs, queueMs, decodeMs, tailMs, downloadMs },
      otherMs: totalMs - explainedMs,
    },
    predictedMs: chosen.totalMs,
    terms: chosen.terms,
    bytesUp: trace.bytesUp,
    predictedBytesUp: chosen.arm.bytesUp,
    cause: plan.cause,
    lackedHead: lacksHead(plan),
    conditions: {
      uplink: conditions.uplink.value,
      fixedMs: conditions.fixedMs.value,
      slowStartMs: conditions.slowStartMs,
      queueMs: conditions.queueMs.value,
      k: conditions.k.value,
      d: conditions.d.value,
    },
  };
}

function lacksHead({ wish, candidates }: Plan): boolean {
  const wished = candidates.find(({ arm }) => arm.cut === wish.arm.cut && arm.codec === wish.arm.codec);
  return wished?.rejected === 'not-ready';
}

async function openPictures(urls: readonly string[]): Promise<ImageBitmap[]> {
  return Promise.all(urls.map(async (url) => createImageBitmap(await (await fetch(url)).blob())));
}

/** The same work for whoever asks, and nothing that a compiler could leave out. */
const SPIN = `onmessage = () => {
  const startMs = performance.now();
  let sum = 0;
  for (let i = 0; i < 2e7; i++) sum += Math.sqrt(i);
  postMessage([performance.now() - startMs, sum]);
}`;

async function spin(): Promise<number> {
  const worker = new Worker(URL.createObjectURL(new Blob([SPIN], { type: 'text/javascript' })));
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 12; run++) {
    const ms = await new Promise<number>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data[0]);
      worker.postMessage(undefined);
    });
    fastestMs = Math.min(fastestMs, ms);
  }
  worker.terminate();
  return fastestMs;
}

const livePage: LivePage = {
  spin,
  async open(model, urls) {
    refuseDeflate();
    pictures = await openPictures(urls);
    first = await connect('/', { model, device: 'wasm', policy: 'offload' });
    const offload = await sessionOf({ policy: 'offload' });
    await runOnce({ policy: 'offload' }, PATIENT_MS);
    const arms = (offload.explain()?.candidates ?? []).map(({ arm }) => {
      const { cut, codec, headMs, tailMs, bytesUp, usesEdge, isPrefix } = arm;
      return { cut, codec, headMs, tailMs, bytesUp, usesEdge, isPrefix };
    });
    const { reason } = await first.ready();
    return { device: reason, arms };
  },
  async prepare(chooser, budgetMs) {
    const endMs = performance.now() + budgetMs;
    for (;;) {
      const plan = decided(await runOnce(chooser, Math.max(budgetMs, PATIENT_MS)));
      const isThere = 'arm' in chooser ? plan.chosen.arm.cut === chooser.arm.cut : !lacksHead(plan);
      if (isThere || performance.now() > endMs) return isThere;
      await new Promise((resolve) => setTimeout(resolve, PREPARE_PAUSE_MS));
    }
  },
  async block({ chooser, settling, runs, timeoutMs }) {
    const records: InferenceRecord[] = [];
    const errors: string[] = [];
    for (let run = -settling; run < runs; run++) {
      try {
        const trace = await runOnce(chooser, timeoutMs);
        if (run >= 0) records.push(recordOf(trace));
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
    return { records, errors };
  },
};

Object.assign(globalThis, { livePage });
