import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CutDescription, describeCut, encodeModel, extract, type Model, PrefixSet, packsOf } from '@cutpoint/onnx';
import { ModelError } from '../models/error.js';
import { openSplitModel, type SplitModel } from '../ort/split-model.js';
import { type ModelArguments, parseModelArguments } from './inspect-arguments.js';
import { locateModel } from './inspect-model.js';
import { bytes } from './inspect-table.js';
import type { CommandIo } from './io.js';
import { codedMessage, whole } from './verify-arguments.js';

const USAGE = `cutpoint split <model | model.onnx> --cut N --out <folder> [options]

Writes head.onnx and tail.onnx, the packs that hold their weights, and cut.json, which says what crosses. The graphs name
their packs by file name: keep them in one folder.

  --cut N               a cut of \`cutpoint inspect\`
  --dims x=1,3,160,160  dimensions of an input that has none; again for the next input
  --models <folder>     the repository (models)
  --store <folder>      where downloads are kept (.cutpoint)`;

/** The `split` command. @returns the exit code. */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const args = parseModelArguments(argv);
    if (args) await split(args, io);
    else io.out(USAGE);
    return 0;
  } catch (error) {
    const { code, message } = codedMessage(error);
    io.status?.('');
    io.err(`cutpoint split: ${code}: ${message}`);
    if (code === 'bad_arguments') io.err(`\n${USAGE}`);
    return 2;
  }
}

async function split(args: ModelArguments, io: CommandIo): Promise<void> {
  const { cut: cutText, out } = args;
  if (cutText === undefined) throw new ModelError('bad_arguments', 'which cut? Give --cut N');
  if (out === undefined) throw new ModelError('bad_arguments', 'where to? Give --out <folder>');
  const id = whole('--cut', cutText);
  const { file, dims } = await locateModel(args.model, args.dims, args.folders);
  await mkdir(out, { recursive: true });
  await using model = await openSplitModel(file, { dims, packsDir: out, onStage: (stage) => io.status?.(stage) });
  io.status?.('');
  const cut = cutOf(model, id);
  const { head, tail } = extract(model.model, model.analysis, cut.head);
  await writePart(join(out, 'head.onnx'), head, io);
  await writePart(join(out, 'tail.onnx'), tail, io);
  await removeUnused(out, model, [head, tail]);
  await writeFile(join(out, 'cut.json'), `${JSON.stringify(summary(args.model, model, cut, head, tail), null, 2)}\n`);
  io.out(
    `cut ${id}: ${cut.crossing.join(', ') || 'nothing'} crosses, ${bytes(cut.bytesUp)} up, ${bytes(cut.bytesDown)} down`,
  );
}

function cutOf({ model, analysis, cuts }: SplitModel, id: number): CutDescription {
  const last = analysis.nodes.length;
  if (id > last) throw new ModelError('bad_arguments', `--cut ${id}: the cuts of this model are 0 to ${last}`);
  return cuts.cuts.find((cut) => cut.id === id) ?? describeCut(model, analysis, new PrefixSet(id), id);
}

/** An empty part has no file; one from an earlier split must not be taken for it. */
async function writePart(file: string, part: Model | null, io: CommandIo): Promise<void> {
  if (!part) {
    await rm(file, { force: true });
    return;
  }
  const graph = encodeModel(part);
  await writeFile(file, graph);
  io.out(`${file}  ${bytes(graph.length)}, ${part.graph?.node.length} nodes, ${packsOf(part).length} packs`);
}

/** Packs that only nodes without effect would read. */
async function removeUnused(out: string, { packs }: SplitModel, parts: readonly (Model | null)[]): Promise<void> {
  const used = new Set(parts.flatMap((part) => (part ? packsOf(part) : [])));
  for (const { sha256 } of packs) if (!used.has(sha256)) await rm(join(out, sha256), { force: true });
}

function summary(name: string, { analysis }: SplitModel, cut: CutDescription, head: Model | null, tail: Model | null) {
  const { head: nodes, ...rest } = cut;
  const describe = (names: readonly string[]) =>
    names.map((tensor) => {
      const { type, dims } = analysis.tensors.get(tensor) ?? { type: null, dims: null };
      return { name: tensor, type, dims };
    });
  return {
    model: name,
    nodes: analysis.nodes.length,
    headNodes: nodes.size,
    ...rest,
    crossing: describe(cut.crossing),
    inputs: describe(analysis.inputs.map((input) => input.name)),
    outputs: describe(analysis.outputs.map((output) => output.name)),
    headGraph: head ? 'head.onnx' : null,
    tailGraph: tail ? 'tail.onnx' : null,
    headPacks: head ? packsOf(head) : [],
    tailPacks: tail ? packsOf(tail) : [],
  };
}
