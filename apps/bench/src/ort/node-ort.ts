import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isElementType, type RuntimeTensors } from '@cutpoint/onnx';
import { tensorArray } from '@cutpoint/protocol';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { LEAST_RUNS, type OrtDevice, type RunnableGraph, type TimeOptions } from './device.js';
import { readNodeTrace } from './node-trace.js';

export interface NodeOrtOptions {
  /** Of one session. Default 1. */
  readonly threads?: number;
}

/** Lends ONNX Runtime's CPU provider in this process, over a temporary folder that is gone afterwards. */
export async function withNodeOrt<T>(
  use: (ort: OrtDevice) => Promise<T>,
  { threads = 1 }: NodeOrtOptions = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-bench-'));
  try {
    return await use(new NodeOrt(folder, threads));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class NodeOrt implements OrtDevice {
  readonly label: string;
  readonly #folder: string;
  readonly #threads: number;

  constructor(folder: string, threads: number) {
    this.#folder = folder;
    this.#threads = threads;
    const plural = threads === 1 ? 'thread' : 'threads';
    this.label = `Node ${process.versions.node}, onnxruntime-node ${env.versions.node} CPU, ${threads} ${plural}`;
  }

  async time(graph: RunnableGraph, feeds: RuntimeTensors, options: TimeOptions): Promise<readonly number[]> {
    const session = await this.#open(graph, options, {});
    try {
      return await runAll(session, feeds, options);
    } finally {
      await session.release();
    }
  }

  async profile(graph: RunnableGraph, feeds: RuntimeTensors, options: TimeOptions) {
    const prefix = randomUUID();
    const session = await this.#open(graph, options, {
      enableProfiling: true,
      profileFilePrefix: join(this.#folder, prefix),
    });
    try {
      await runAll(session, feeds, options);
      session.endProfiling();
    } finally {
      await session.release();
    }
    const name = (await readdir(this.#folder)).find((file) => file.startsWith(prefix) && file.endsWith('.json'));
    if (name === undefined) throw new Error('onnxruntime wrote no profile.');
    const file = join(this.#folder, name);
    const text = await readFile(file, 'utf8');
    await rm(file);
    return readNodeTrace(text);
  }

  async #open(
    graph: RunnableGraph,
    { level = 'all' }: TimeOptions,
    more: InferenceSession.SessionOptions,
  ): Promise<InferenceSession> {
    for (const { path, bytes } of graph.packs) {
      const file = join(this.#folder, path);
      if (!existsSync(file)) await writeFile(file, bytes);
    }
    const file = join(this.#folder, `${randomUUID()}.onnx`);
    await writeFile(file, graph.bytes);
    try {
      return await InferenceSession.create(file, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: level,
        intraOpNumThreads: this.#threads,
        logSeverityLevel: 3,
        ...more,
      });
    } finally {
      await rm(file, { force: true });
    }
  }
}

async function runAll(
  session: InferenceSession,
  feeds: RuntimeTensors,
  { runs, budgetMs = Number.POSITIVE_INFINITY }: TimeOptions,
): Promise<number[]> {
  const given = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensorOf(name, feed)]));
  const times: number[] = [];
  let spentMs = 0;
  for (let run = 0; run < runs && (run < LEAST_RUNS || spentMs < budgetMs); run++) {
    const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
    await session.run(given);
    const ms = performance.now() - startMs;
    const { user, system } = process.cpuUsage(startCpu);
    // Time on a processor does not know what else the machine did; with several threads the wall is always less.
    times.push(Math.min(ms, (user + system) / 1000));
    spentMs += ms;
  }
  return times;
}

function tensorOf(name: string, { type, dims, bytes }: RuntimeTensors[string]): Tensor {
  if (type === 'string' || !isElementType(type)) throw new Error(`"${name}" is a ${type} tensor`);
  return new Tensor(type, tensorArray(type, bytes.slice()), dims);
}
