import type { CutDescription } from '@cutpoint/onnx';
import { openSplitModel, type SplitModel } from '../ort/split-model.js';
import { type ModelArguments, parseModelArguments } from './inspect-arguments.js';
import { locateModel } from './inspect-model.js';
import { bytes, cutTable } from './inspect-table.js';
import type { CommandIo } from './io.js';
import { codedMessage } from './verify-arguments.js';

const USAGE = `cutpoint inspect <model | model.onnx> [options]

Lists the cuts of a model of the repository, or of a file: what crosses, and what each side has to do.

  --dims x=1,3,160,160  dimensions of an input that has none; again for the next input
  --json                one JSON object instead of a table
  --models <folder>     the repository (models)
  --store <folder>      where downloads are kept (.cutpoint)`;

/** The `inspect` command. @returns the exit code. */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const args = parseModelArguments(argv);
    if (args) await inspect(args, io);
    else io.out(USAGE);
    return 0;
  } catch (error) {
    const { code, message } = codedMessage(error);
    io.status?.('');
    io.err(`cutpoint inspect: ${code}: ${message}`);
    if (code === 'bad_arguments') io.err(`\n${USAGE}`);
    return 2;
  }
}

async function inspect(args: ModelArguments, io: CommandIo): Promise<void> {
  const { file, dims } = await locateModel(args.model, args.dims, args.folders);
  await using split = await openSplitModel(file, { dims, onStage: (stage) => io.status?.(stage) });
  io.status?.('');
  if (args.json) {
    io.out(JSON.stringify({ model: args.model, ...asJson(split) }));
    return;
  }
  const { analysis, cuts, packs, skipped } = split;
  const describe = (tensors: readonly { name: string; type: string; dims: readonly number[] }[]): string =>
    tensors.map(({ name, type, dims }) => `${name} ${type}[${dims.join(', ')}]`).join(', ');
  io.out(`${args.model}: ${analysis.nodes.length} nodes, ${cuts.cuts.length} cuts`);
  io.out(`inputs   ${describe(analysis.inputs)}`);
  io.out(`outputs  ${describe(analysis.outputs)}`);
  io.out(`weights  ${bytes(packs.reduce((sum, { numBytes }) => sum + numBytes, 0))} in ${packs.length} packs`);
  if (skipped !== undefined) io.out(`not optimised: ${skipped}`);
  io.out('');
  for (const line of cutTable(split)) io.out(line);
  for (const { id, reason } of cuts.excluded) io.out(`cut ${id} left out: ${reason}`);
  if (cuts.unsplittable !== undefined) io.out(`This model cannot be cut in the middle: ${cuts.unsplittable}.`);
}

function asJson({ analysis, cuts, packs }: SplitModel) {
  return {
    nodes: analysis.nodes,
    inputs: analysis.inputs,
    outputs: analysis.outputs,
    packs,
    cuts: cuts.cuts.map(withoutSet),
    excluded: cuts.excluded,
    unsplittable: cuts.unsplittable ?? null,
  };
}

function withoutSet({ head, ...rest }: CutDescription): Omit<CutDescription, 'head'> & { readonly headNodes: number } {
  return { ...rest, headNodes: head.size };
}
