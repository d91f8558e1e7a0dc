import { parseArgs } from 'node:util';
import type { InputDims } from '@cutpoint/onnx';
import { ModelError } from '../models/error.js';
import { parsedOrRefused } from './errors.js';
import { oneBucket } from './verify-arguments.js';

export interface ModelArguments {
  readonly model: string;
  readonly dims: InputDims;
  readonly variant: string | undefined;
  readonly folders: { readonly models: string; readonly store: string };
  readonly json: boolean;
  readonly cut: string | undefined;
  readonly out: string | undefined;
}

/** What `inspect` and `split` read alike. @returns `undefined` when help is asked for */
export function parseModelArguments(argv: readonly string[]): ModelArguments | undefined {
  const { values, positionals } = parsed(argv);
  if (values.help) return undefined;
  const [model, ...rest] = positionals;
  if (model === undefined) throw new ModelError('bad_arguments', 'which model? Give its name or an .onnx file');
  if (rest.length > 0) throw new ModelError('bad_arguments', `${rest.join(' ')}: one model at a time`);
  return {
    model,
    dims: oneBucket(values.dims),
    variant: values.variant,
    folders: { models: values.models ?? 'models', store: values.store ?? '.cutpoint' },
    json: values.json === true,
    cut: values.cut,
    out: values.out,
  };
}

function parsed(argv: readonly string[]) {
  return parsedOrRefused(() =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        dims: { type: 'string', multiple: true },
        variant: { type: 'string' },
        models: { type: 'string' },
        store: { type: 'string' },
        cut: { type: 'string' },
        out: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
}
