import { benchmarkNetworks } from '@cutpoint/onnx';
import type { CutTable } from '@cutpoint/protocol';
import { openSplitModel, type SplitModel } from '../ort/split-model.js';
import { reportError } from './errors.js';
import { type ModelArguments, parseModelArguments } from './inspect-arguments.js';
import { locateModel, type ServedModel } from './inspect-model.js';
import { bytes, type CutTimes, cutTable, LOSSES_LEGEND, TIMES_LEGEND } from './inspect-table.js';
import type { CommandIo } from './io.js';

const USAGE = `cutpoint inspect <model | model.onnx | network:NAME> [options]

Lists the cuts of a model of the repository, of a file, or of an untrained benchmark network: what crosses, and what each
side has to do. Of a model that is prepared it tells how long each side takes and what the lossy codecs cost, too. A cut has the
number that it has on the page.

  network:NAME          NAME is ${Object.keys(benchmarkNetworks).join(', ')}

  --variant <id>        which of the forms that a model is served in (the first)
  --dims x=1,3,160,160  the network itself, with dimensions of an input that has none; again for the next input
  --json                one JSON object instead of a table; null stands for what is not known
  --models <folder>     the repository (models)
  --store <folder>      where downloads and built networks are kept (.cutpoint)`;

/** The `inspect` command. @returns the exit code. */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  try {
    const args = parseModelArguments(argv);
    if (args) await inspect(args, io);
    else io.out(USAGE);
    return 0;
  } catch (error) {
    return reportError('inspect', error, io, USAGE);
  }
}

async function inspect(args: ModelArguments, io: CommandIo): Promise<void> {
  const { file, served, ...form } = await locateModel(args);
  await using split = await openSplitModel(file, { ...form, onStage: (stage) => io.status?.(stage) });
  io.status?.('');
  const table = sameGraph(split, served?.table);
  const times = table && new Map(table.cuts.map((cut) => [cut.id, cut]));
  if (args.json) {
    io.out(JSON.stringify({ model: args.model, ...variantJson(served, table), ...asJson(split, times) }));
    return;
  }
  const { analysis, cuts, packs, skipped } = split;
  const describe = (tensors: readonly { name: string; type: string; dims: readonly number[] }[]): string =>
    tensors.map(({ name, type, dims }) => `${name} ${type}[${dims.join(', ')}]`).join(', ');
  io.out(`${args.model}: ${analysis.nodes.length} nodes, ${cuts.cuts.length} cuts`);
  if (served) io.out(`variant  ${variantInWords(served)}`);
  io.out(`inputs   ${describe(analysis.inputs)}`);
  io.out(`outputs  ${describe(analysis.outputs)}`);
  io.out(`weights  ${bytes(packs.reduce((sum, { numBytes }) => sum + numBytes, 0))} in ${packs.length} packs`);
  io.out(`times    ${timesInWords(served, table)}`);
  if (table) io.out(`losses   ${lossesInWords(table)}`);
  if (skipped !== undefined) io.out(`not optimised: ${skipped}`);
  io.out('');
  for (const line of cutTable(split, times)) io.out(line);
  for (const { id, reason } of cuts.excluded) io.out(`cut ${id} left out: ${reason}`);
  if (cuts.unsplittable !== undefined) io.out(`This model cannot be cut in the middle: ${cuts.unsplittable}.`);
}

/** Times belong to cuts by their number, so they hold only for the very same order of nodes. */
function sameGraph({ analysis }: SplitModel, table: CutTable | undefined): CutTable | undefined {
  const isSame =
    table?.nodes.length === analysis.nodes.length &&
    analysis.nodes.every(({ opType, name }, i) => table.nodes[i]?.opType === opType && table.nodes[i]?.name === name);
  return isSame ? table : undefined;
}

function variantInWords({ variant, variants }: ServedModel): string {
  const others = variants.filter((id) => id !== variant).join(', ');
  if (variant === undefined) return `none that is served; served are ${others} (--variant)`;
  return others === '' ? variant : `${variant}; also served: ${others} (--variant)`;
}

function timesInWords(served: ServedModel | undefined, table: CutTable | undefined): string {
  if (table) {
    const { machine, provider, threads } = table.profile;
    return `of heads and tails by ${provider}, ${threads === 1 ? 'one thread' : `${threads} threads`}, ${machine}; ${TIMES_LEGEND}`;
  }
  if (!served) return 'none: a file is not timed; `cutpoint add` puts it into the repository and times it';
  if (served.variant === undefined) return 'none: these dimensions are not served';
  if (!served.table) return 'none: not prepared on this machine yet; `cutpoint serve` does it';
  return 'none: the prepared graph has other nodes than this one; delete the store, and `cutpoint serve` prepares it again';
}

function lossesInWords({ calibration, cuts }: CutTable): string {
  if (!calibration) return 'not measured: the defaults stand';
  const most = Math.max(0, ...cuts.flatMap(({ fidelity = [] }) => fidelity.map(({ inputs }) => inputs)));
  const of = { 'top-1': 'answers that change', 'relative-error': 'error of the outputs, over their range' };
  const on = { pictures: 'views of pictures', noise: 'random inputs, which say less than real ones' };
  return `${of[calibration.metric]}, a mean over up to ${most} ${on[calibration.inputs]}; ${LOSSES_LEGEND}`;
}

function variantJson(served: ServedModel | undefined, table: CutTable | undefined) {
  return {
    variant: served?.variant ?? null,
    variants: served?.variants ?? [],
    profile: table?.profile ?? null,
    calibration: table?.calibration ?? null,
  };
}

function asJson({ analysis, cuts, packs }: SplitModel, times: CutTimes | undefined) {
  return {
    nodes: analysis.nodes,
    inputs: analysis.inputs,
    outputs: analysis.outputs,
    packs,
    cuts: cuts.cuts.map((cut) => {
      const { head, ...rest } = cut;
      const { headMs = null, tailMs = null, timed = null, fidelity = null } = times?.get(cut.id) ?? {};
      return { ...rest, headNodes: head.size, headMs, tailMs, timed, fidelity };
    }),
    excluded: cuts.excluded,
    unsplittable: cuts.unsplittable ?? null,
  };
}
