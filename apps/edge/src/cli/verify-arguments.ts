import { parseArgs } from 'node:util';
import type { InputDims } from '@cutpoint/onnx';
import { parseDims } from '../models/added-source.js';
import { ModelError } from '../models/error.js';
import { parsedOrRefused } from './errors.js';

export type CutChoice =
  | { readonly kind: 'all' }
  | { readonly kind: 'sample'; readonly count: number }
  | { readonly kind: 'ids'; readonly ids: readonly number[] };

export interface VerifyArguments {
  /** Of an `.onnx` file, or a benchmark network. */
  readonly file: string;
  readonly cuts: CutChoice;
  readonly dims: InputDims;
  readonly seed: number;
  readonly store: string;
  readonly json: boolean;
}

/** @throws ModelError `bad_arguments` @returns `undefined` when help is asked for */
export function parseVerifyArguments(argv: readonly string[]): VerifyArguments | undefined {
  const { values, positionals } = parsed(argv);
  if (values.help) return undefined;
  const [file, ...rest] = positionals;
  if (file === undefined) throw new ModelError('bad_arguments', 'which model? Give an .onnx file or network:NAME');
  if (rest.length > 0) throw new ModelError('bad_arguments', `${rest.join(' ')}: one file at a time`);
  return {
    file,
    cuts: cutChoice(values.cuts, values.sample),
    dims: oneBucket(values.dims),
    seed: whole('--seed', values.seed ?? '1'),
    store: values.store ?? '.cutpoint',
    json: values.json === true,
  };
}

function parsed(argv: readonly string[]) {
  return parsedOrRefused(() =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        cuts: { type: 'string' },
        sample: { type: 'string' },
        dims: { type: 'string', multiple: true },
        seed: { type: 'string' },
        store: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
}

function cutChoice(cuts: string | undefined, sample: string | undefined): CutChoice {
  if (cuts !== undefined && cuts !== 'all' && sample !== undefined) {
    throw new ModelError('bad_arguments', 'give --cuts or --sample, not both');
  }
  if (sample !== undefined) {
    const count = whole('--sample', sample);
    if (count === 0) throw new ModelError('bad_arguments', '--sample 0: sample at least one cut');
    return { kind: 'sample', count };
  }
  if (cuts === undefined || cuts === 'all') return { kind: 'all' };
  return { kind: 'ids', ids: cuts.split(',').map((id) => whole('--cuts', id)) };
}

/** All `--dims` of one command describe one input each. */
export function oneBucket(texts: readonly string[] | undefined): InputDims {
  const buckets = parseDims(texts ?? []);
  if (buckets.length > 1) throw new ModelError('bad_arguments', '--dims names an input twice');
  return buckets[0] ?? {};
}

export function whole(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text.trim())) {
    throw new ModelError('bad_arguments', `${option} ${text}: that is not a whole number`);
  }
  return Number(text);
}
