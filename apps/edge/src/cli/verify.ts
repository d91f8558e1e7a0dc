import { resolve } from 'node:path';
import { type CutDescription, describeCut, OnnxError, PrefixSet } from '@cutpoint/onnx';
import { parseNetwork } from '../models/added-source.js';
import { ModelError } from '../models/error.js';
import { networkFile } from '../models/network-source.js';
import { isNowhereFinite } from '../ort/difference.js';
import { openSplitModel, type SplitModel } from '../ort/split-model.js';
import { coded, reportError } from './errors.js';
import { type CommandIo, EXIT_WRONG_INPUT } from './io.js';
import { type CutChoice, parseVerifyArguments, type VerifyArguments } from './verify-arguments.js';
import { type CutResult, toleranceOf, verifyCut } from './verify-cuts.js';
import { type Reference, runReference } from './verify-reference.js';

const USAGE = `cutpoint verify <model.onnx | network:NAME> [options]

Runs the head and then the tail of every distinct cut and compares the outputs with those of the unsplit file. An error
of 1e-4 of an output's range is allowed (1e-3 in fp16 models). The input is random: noise, or strokes on a page for a
network that answers noise with zeros.

  --cuts all|i,j,…      which cuts (all)
  --sample N            N cuts spread evenly instead, of those inside the network; 0 and the local cut come last
  --dims x=1,3,160,160  dimensions of an input that has none; again for the next input
  --seed N              of the random input (1)
  --store <folder>      where built networks are kept (.cutpoint)
  --json                the result as one JSON object in the last line:
                        {model, nodes, cuts, failed, maxAbsErr, maxRelErr, ms, maxRelErrPlain, roundedCuts};
                        maxRelErr is the error over the range of its output, and null stands for one without bounds

An fp16 cut that misses by more is judged by the unsplit model that rounds to fp16 what crosses there, as the file declares
and onnxruntime on a CPU does not. roundedCuts counts those cuts, maxAbsErr and maxRelErr hold for them against that model,
and maxRelErrPlain is the error of every cut against the plain run of the file.

Exit code 0 when every cut agrees, 1 when one does not, 2 when nothing could be verified.`;

interface Summary {
  readonly model: string;
  readonly nodes: number;
  readonly cuts: number;
  readonly failed: number;
  readonly maxAbsErr: number;
  readonly maxRelErr: number;
  readonly ms: number;
  readonly maxRelErrPlain: number;
  readonly roundedCuts: number;
}

/** The `verify` command. @returns the exit code. */
export async function run(argv: readonly string[], io: CommandIo): Promise<number> {
  let args: VerifyArguments | undefined;
  try {
    args = parseVerifyArguments(argv);
    if (!args) {
      io.out(USAGE);
      return 0;
    }
    const summary = await verify(args, io);
    io.status?.('');
    if (args.json) io.out(JSON.stringify(summary));
    else io.out(inWords(summary));
    return summary.failed > 0 ? 1 : 0;
  } catch (error) {
    reportError('verify', error, io, USAGE);
    if (args?.json) io.out(JSON.stringify({ model: args.file, error: coded(error) }));
    // Whatever it was: 1 says that a cut failed.
    return EXIT_WRONG_INPUT;
  }
}

async function verify(args: VerifyArguments, io: CommandIo): Promise<Summary> {
  const start = performance.now();
  const network = parseNetwork(args.file);
  const file = network === undefined ? args.file : await networkFile(network, { storeDir: resolve(args.store) });
  await using split = await openSplitModel(file, {
    dims: args.dims,
    seed: args.seed,
    onStage: (stage) => io.status?.(stage),
  });
  for (const note of notesOf(split)) io.err(note);
  const cuts = chosen(split, args.cuts);
  io.status?.('running the unsplit model');
  const reference = await unsplit(file, args.seed, split);
  for (const [name, tensor] of Object.entries(reference.outputs)) {
    if (isNowhereFinite(tensor)) io.err(`warning: the unsplit model's output "${name}" has no finite value`);
  }
  const tolerance = toleranceOf(split);
  const results: CutResult[] = [];
  for (const cut of cuts) {
    io.signal?.throwIfAborted();
    io.status?.(`cut ${cut.id} (${results.length + 1} of ${cuts.length})`);
    const result = await verifyCut(split, cut, reference, tolerance);
    if (result.failure !== undefined) io.err(`cut ${cut.id} fails: ${result.failure}`);
    if (result.note !== undefined) io.err(`cut ${cut.id}: ${result.note}`);
    results.push(result);
  }
  return {
    model: args.file,
    nodes: split.analysis.nodes.length,
    cuts: results.length,
    failed: results.filter(({ failure }) => failure !== undefined).length,
    maxAbsErr: Math.max(0, ...results.map(({ maxAbsErr }) => maxAbsErr)),
    maxRelErr: Math.max(0, ...results.map(({ maxRelErr }) => maxRelErr)),
    ms: Math.round(performance.now() - start),
    maxRelErrPlain: Math.max(0, ...results.map(({ maxRelErrPlain }) => maxRelErrPlain)),
    roundedCuts: results.filter(({ isRounded }) => isRounded).length,
  };
}

async function unsplit(file: string, seed: number, split: SplitModel): Promise<Reference> {
  try {
    return await runReference(file, split, seed);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OnnxError('runtime_failed', `The unsplit model does not run on random input: ${why}`, { cause });
  }
}

function notesOf({ cuts, skipped }: SplitModel): readonly string[] {
  const notes: string[] = [];
  if (skipped !== undefined) notes.push(`not optimised: ${skipped}`);
  if (cuts.unsplittable !== undefined) notes.push(`cannot be cut in the middle: ${cuts.unsplittable}`);
  for (const { id, reason } of cuts.excluded.slice(0, 5)) notes.push(`cut ${id} left out: ${reason}`);
  if (cuts.excluded.length > 5) notes.push(`and ${cuts.excluded.length - 5} more left out`);
  return notes;
}

function chosen(split: SplitModel, choice: CutChoice): readonly CutDescription[] {
  const { cuts } = split.cuts;
  if (choice.kind === 'all') return cuts;
  if (choice.kind === 'sample') return sampled(cuts, choice.count);
  return choice.ids.map((id) => {
    const listed = cuts.find((cut) => cut.id === id);
    const last = split.analysis.nodes.length;
    if (listed === undefined && id > last)
      throw new ModelError('bad_arguments', `--cuts ${id}: the cuts of this model are 0 to ${last}`);
    // One that equals another is not listed, and can be run all the same.
    return listed ?? describeCut(split.model, split.analysis, new PrefixSet(id), id);
  });
}

/**
 * Spread evenly over the items inside, each in the middle of its share. The ends come last: at cut 0 and at the local
 * cut nothing is cut.
 */
export function sampled<T>(items: readonly T[], count: number): readonly T[] {
  if (count >= items.length) return items;
  const inside = items.slice(1, -1);
  if (count > inside.length) return items.slice(0, -1);
  const share = inside.length / count;
  return Array.from({ length: count }, (_, i) => inside[Math.floor((i + 0.5) * share)]).filter(
    (item): item is T & {} => item !== undefined,
  );
}

function inWords(summary: Summary): string {
  const { model, nodes, cuts, failed, maxAbsErr, maxRelErr, ms, maxRelErrPlain, roundedCuts } = summary;
  const verdict = failed === 0 ? 'all agree with the unsplit model' : `${failed} FAILED`;
  const errors = `largest error ${maxAbsErr.toPrecision(2)}, ${maxRelErr.toExponential(1)} of an output's range`;
  const rounded =
    roundedCuts === 0
      ? ''
      : ` (${roundedCuts} judged with fp16 rounding; without it ${maxRelErrPlain.toExponential(1)})`;
  return `${model}: ${nodes} nodes, ${cuts} cuts, ${verdict}; ${errors}${rounded}; ${(ms / 1000).toFixed(1)} s`;
}
