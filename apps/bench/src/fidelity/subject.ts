import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CutDescription, decodeModel } from '@cutpoint/onnx';
import type { TensorInfo } from '@cutpoint/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { RunnableGraph } from '../ort/device.js';
import { chooseCuts } from '../profile/choose-cuts.js';
import { type PreparedNetwork, prepareGraph } from '../profile/prepared-network.js';
import { proposedCuts } from '../profile/proposed-cuts.js';

const MOST_PROPOSED = 16;
/** As many as the edge times of a network that it prepares. */
const CUTS = { least: 14, most: 18 };

export type Tensors = Readonly<Record<string, Tensor>>;
export interface Runner {
  run(feeds: Tensors): Promise<Tensors>;
}

/** A cut that is tried: its two halves, opened. */
export interface TriedCut {
  readonly id: number;
  /** The last node of the head. */
  readonly afterNode: string;
  /** Whether it is the cheapest under some conditions; the others fill gaps between those. */
  readonly isFrontier: boolean;
  readonly crossing: readonly TensorInfo[];
  readonly f32Bytes: number;
  /** `undefined` where nothing is run before the input is sent. */
  readonly head: Runner | undefined;
  readonly tail: Runner;
}

/** A classifier that ends with probabilities. */
export interface Subject {
  readonly input: TensorInfo;
  readonly output: string;
  readonly whole: Runner;
  /** Without the local one; the input itself first. */
  readonly cuts: readonly TriedCut[];
}

/**
 * @param folder for graphs and packs while they are open
 * @param isTried which of the cuts are opened; the frontier's at least are needed for the bench's figures
 */
export async function openSubject(
  file: string,
  folder: string,
  isTried: (cut: { readonly isFrontier: boolean }) => boolean = () => true,
): Promise<Subject> {
  const network = await prepareGraph(decodeModel(await readFile(file)));
  const [input] = network.analysis.inputs;
  const [output] = network.analysis.outputs;
  const local = network.cuts.at(-1);
  const whole = local && network.partsOf(local).head;
  if (input === undefined || output === undefined || local === undefined || whole === undefined) {
    throw new Error(`${file} is not a network of one input and one output.`);
  }
  const frontier = new Set(proposedCuts(network, MOST_PROPOSED));
  const chosen = chooseCuts(network.cuts, { ...CUTS, proposed: [...frontier] }).filter(
    (cut) => cut.crossing.length > 0 && isTried({ isFrontier: frontier.has(cut) }),
  );
  const cuts: TriedCut[] = [];
  for (const cut of chosen) cuts.push(await openCut(network, cut, frontier.has(cut), folder));
  return { input: infoOf(network, input.name), output: output.name, whole: await open(whole, folder), cuts };
}

async function openCut(
  network: Omit<PreparedNetwork, 'name'>,
  cut: CutDescription,
  isFrontier: boolean,
  folder: string,
): Promise<TriedCut> {
  const { head, tail } = network.partsOf(cut);
  if (tail === undefined) throw new Error(`cut ${cut.id} has no tail`);
  const last = network.analysis.nodes[Math.max(...cut.head)];
  return {
    id: cut.id,
    afterNode: last === undefined ? '(the input)' : `${last.opType} ${last.name}`.trim(),
    isFrontier,
    crossing: cut.crossing.map((name) => infoOf(network, name)),
    f32Bytes: cut.bytesUp,
    head: head && (await open(head, folder)),
    tail: await open(tail, folder),
  };
}

function infoOf({ analysis }: Omit<PreparedNetwork, 'name'>, name: string): TensorInfo {
  const tensor = analysis.tensors.get(name);
  if (tensor === undefined) throw new Error(`there is no tensor ${name}`);
  return { name, type: tensor.type, dims: [...tensor.dims] };
}

async function open({ bytes, packs }: RunnableGraph, folder: string): Promise<Runner> {
  for (const pack of packs) {
    const file = join(folder, pack.path);
    if (!existsSync(file)) await writeFile(file, pack.bytes);
  }
  const file = join(folder, `${randomUUID()}.onnx`);
  await writeFile(file, bytes);
  try {
    const session = await InferenceSession.create(file, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    return {
      async run(feeds) {
        const wanted = session.inputNames.map((name) => [name, feeds[name]] as const);
        const given = Object.fromEntries(wanted.flatMap(([name, feed]) => (feed === undefined ? [] : [[name, feed]])));
        const outputs = await session.run(given);
        return Object.fromEntries(
          Object.entries(outputs).flatMap(([name, value]) => (value instanceof Tensor ? [[name, value] as const] : [])),
        );
      },
    };
  } finally {
    await rm(file, { force: true });
  }
}
