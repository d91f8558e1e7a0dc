import { parseArgs } from 'node:util';
import { type Experiment, FULL, QUICK } from './experiment.js';
import { LOADS } from './load/load-spec.js';

export interface LiveOptions {
  readonly experiment: Experiment;
  /** Where the raw records go. */
  readonly out: string | undefined;
  /** Where the edge keeps what it prepared. */
  readonly storeDir: string;
}

export const LIVE_USAGE =
  '[--quick] [--networks a,b] [--bandwidths 4,16] [--loads idle,heavy] [--repeats 5] [--slowdown 2] [--out FILE] [--store DIR]';

/** @throws Error that names the wrong option */
export function parseLiveOptions(args: readonly string[]): LiveOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      networks: { type: 'string' },
      bandwidths: { type: 'string' },
      loads: { type: 'string' },
      repeats: { type: 'string' },
      slowdown: { type: 'string' },
      out: { type: 'string' },
      store: { type: 'string', default: '.cutpoint/live' },
    },
  });
  const base = values.quick ? QUICK : FULL;
  return {
    out: values.out,
    storeDir: values.store,
    experiment: {
      ...base,
      models: values.networks?.split(',').map((name) => `bench-${name}`) ?? base.models,
      megabitsPerSecond:
        values.bandwidths?.split(',').map((text) => positive('bandwidths', text)) ?? base.megabitsPerSecond,
      loads: values.loads?.split(',').map(loadNamed) ?? base.loads,
      repeats: values.repeats === undefined ? base.repeats : Math.ceil(positive('repeats', values.repeats)),
      slowdown: values.slowdown === undefined ? base.slowdown : positive('slowdown', values.slowdown),
    },
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new Error(`--${name} is '${text}'; it must be a positive number`);
}

function loadNamed(name: string) {
  const load = Object.values(LOADS).find((known) => known.name === name);
  if (load) return load;
  throw new Error(`--loads is '${name}'; there are: ${Object.keys(LOADS).join(', ')}`);
}
