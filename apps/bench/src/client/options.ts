import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FIGURE_NAMES, type FigureName } from './figures.js';

export interface ClientOptions {
  readonly only: ReadonlySet<FigureName>;
  /** Runs of each way that counts, in what is compared by medians. */
  readonly runs: number;
  /** For trying: fewer of everything, and figures that mean little. */
  readonly isQuick: boolean;
  /** SqueezeNet's file; `undefined` for the untrained network of the same name. */
  readonly modelFile: string | undefined;
  /** Where the edge keeps what it prepared. */
  readonly storeDir: string;
  readonly browserArgs: readonly string[];
}

export const CLIENT_USAGE = '[--only a,b] [--runs 60] [--quick] [--model FILE] [--store DIR] [--browser-arg=ARG]…';

/** A median of fewer says little. */
const LEAST_RUNS = 50;
const QUICK_RUNS = 10;
const SHARED_MODEL = fileURLToPath(new URL('../../../../../shared/data/models/squeezenet1.onnx', import.meta.url));

/** @throws Error that names the wrong option */
export function parseClientOptions(args: readonly string[]): ClientOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      model: { type: 'string' },
      store: { type: 'string', default: '.cutpoint/client' },
      'browser-arg': { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.model !== undefined && !existsSync(values.model)) throw new Error(`--model: there is no ${values.model}`);
  return {
    only: new Set(values.only?.split(',').map(figureNamed) ?? FIGURE_NAMES),
    runs: runsOf(values.runs, values.quick),
    isQuick: values.quick,
    modelFile: values.model ?? (existsSync(SHARED_MODEL) ? SHARED_MODEL : undefined),
    storeDir: values.store,
    browserArgs: values['browser-arg'],
  };
}

function runsOf(text: string | undefined, isQuick: boolean): number {
  const least = isQuick ? 1 : LEAST_RUNS;
  const runs = text === undefined ? (isQuick ? QUICK_RUNS : 60) : Number(text);
  if (Number.isInteger(runs) && runs >= least) return runs;
  throw new Error(`--runs is '${text}'; it must be a whole number of at least ${least}`);
}

function figureNamed(text: string): FigureName {
  const name = FIGURE_NAMES.find((known) => known === text);
  if (name) return name;
  throw new Error(`--only is '${text}'; there are: ${FIGURE_NAMES.join(', ')}`);
}
