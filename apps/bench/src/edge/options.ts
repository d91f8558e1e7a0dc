import { parseArgs } from 'node:util';

export interface EdgeBenchOptions {
  /** Of each phase under load. */
  readonly phaseMs: number;
  readonly soakMs: number;
  /** Pairs behind the overhead. */
  readonly pairs: number;
  /** Phases to run; all when empty. */
  readonly only: readonly string[];
}

export const PHASES = [
  'overhead',
  'throughput',
  'crowd',
  'overload',
  'fairness',
  'memory',
  'soak',
  'batching',
] as const;

/** @throws Error that names the wrong option */
export function parseOptions(args: readonly string[]): EdgeBenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'phase-s': { type: 'string', default: '40' },
      'soak-s': { type: 'string', default: '60' },
      pairs: { type: 'string', default: '500' },
      only: { type: 'string', multiple: true, default: [] },
    },
  });
  const number = (name: 'phase-s' | 'soak-s' | 'pairs', least: number) => {
    const value = Number(values[name]);
    if (value >= least && Number.isFinite(value)) return value;
    throw new Error(`--${name} must be a number of at least ${least}, not '${values[name]}'`);
  };
  const unknown = values.only.find((name) => !(PHASES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--only must be one of ${PHASES.join(', ')}, not '${unknown}'`);
  return {
    phaseMs: number('phase-s', 2) * 1_000,
    soakMs: number('soak-s', 10) * 1_000,
    pairs: number('pairs', 20),
    only: values.only,
  };
}
