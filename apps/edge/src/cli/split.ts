import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CutDescription, describeCut, encodeModel, extract, type Model, PrefixSet, packsOf } from '@cutpoint/onnx';
import { ModelError } from '../models/error.js';
import { openSplitModel, type SplitModel } from '../ort/split-model.js';
import { reportError } from './errors.js';
import { type ModelArguments, parseModelArguments } from './inspect-arguments.js';
import { locateModel } from './inspect-model.js';
import { bytes } from './inspect-table.js';
import type { CommandIo } from './io.js';
import { earlierSplit, fillFolder } from './split-folder.js';
import { whole } from './verify-arguments.js';

const USAGE = `cutpoint split <model | model.onnx | network:NAME> --cut N --out <folder> [options]

Writes head.onnx and tail.onnx, the packs that hold their weights, and cut.json, which says what crosses. The graphs name
their packs by file name: keep them in one folder.

  --cut N               a cut of \`cutpoint inspect\`
  --dims x=1,3,160,160  dimensions of an input that has none; again for the next input
  --models <folder>     the repository (models)
  --store <folder>      where downloads and built networks are kept (.cutpoint)`;

/** The `split` command. @returns the exit code. */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const args = parseModelArguments(argv);
    if (args) await split(args, io);
    else io.out(USAGE);
    return 0;
  } catch (error) {
    return reportError('split', error, io, USAGE);
  }
}

async function split(args: ModelArguments, io: CommandIo): Promise<void> {
  const { cut: cutText, out } = args;
  if (cutText === undefined) throw new ModelError('bad_arguments', 'which cut? Give --cut N');
  if (out === undefined) throw new ModelError('bad_arguments', 'where to? Give --out <folder>');
  const id = whole('--cut', cutText);
  // Before the work, too, which takes seconds.
  await earlierSplit(out);
  const { file, served, ...form } = await locateModel(args);
  await using model = await openSplitModel(file, { ...form, onStage: (stage) => io.status?.(stage) });
  io.status?.('');
  const cut = cutOf(model, id);
  const { head, tail } = extract(model.model, model.analysis, cut.head);
  const about = { model: args.model, variant: served?.variant ?? null, ...summary(model, cut, head, tail) };
  await fillFolder(out, model.packsDir, about);
  if (head) await writePart(join(out, 'head.onnx'), head, io);
  if (tail) await writePart(join(out, 'tail.onnx'), tail, io);
  const variant = served?.variant === undefined ? '' : ` of ${served.variant}`;
  io.out(
    `cut ${id}${variant}: ${cut.crossing.join(', ') || 'nothing'} crosses, ` +
      `${bytes(cut.bytesUp)} up, ${bytes(cut.bytesDown)} down`,
  );
}

function cutOf({ model, analysis, cuts }: SplitModel, id: number): CutDescription {
  const last = analysis.nodes.length;
  const listed = cuts.cuts.find((cut) => cut.id === id);
  if (listed === undefined && id > last)
    throw new ModelError('bad_arguments', `--cut ${id}: the cuts of this model are 0 to ${last}`);
  return listed ?? describeCut(model, analysis, new PrefixSet(id), id);
}

async function writePart(file: string, part: Model, io: CommandIo): Promise<void> {
  const graph = encodeModel(part);
  await writeFile(file, graph);
  io.out(`${file}  ${bytes(graph.length)}, ${part.graph?.node.length} nodes, ${packsOf(part).length} packs`);
}

function summary({ analysis }: SplitModel, cut: CutDescription, head: Model | null, tail: Model | null) {
  const { head: nodes, ...rest } = cut;
  const describe = (names: readonly string[]) =>
    names.map((tensor) => {
      const { type, dims } = analysis.tensors.get(tensor) ?? { type: null, dims: null };
      return { name: tensor, type, dims };
    });
  return {
    nodes: analysis.nodes.length,
    headNodes: nodes.size,
    ...rest,
    crossing: describe(cut.crossing),
    inputs: describe(analysis.inputs.map((input) => input.name)),
    outputs: describe(analysis.outputs.map((output) => output.name)),
    headGraph: head ? ('head.onnx' as const) : null,
    tailGraph: tail ? ('tail.onnx' as const) : null,
    headPacks: head ? [...packsOf(head)] : [],
    tailPacks: tail ? [...packsOf(tail)] : [],
  };
}
