import type { LoadLaw } from '../edge/load-law.js';
import { HEADLINE_LINK, LOADS, REACTION_NEAR, REACTION_STEPS, type ReactionStep, WARM_UP_MS } from '../protocol.js';
import { type ArmSet, World } from './cell.js';
import { linkOf } from './links.js';
import type { InferenceRecord } from './run-log.js';
import type { Setup } from './setup.js';
import { simulate } from './simulate.js';

/** How a step was followed. */
export interface Reaction {
  readonly network: string;
  readonly seed: number;
  readonly what: ReactionStep['what'];
  readonly step: string;
  readonly armSet: ArmSet;
  /** After the change for the worse: inferences before the chosen arm is, and stays for two, within 10 % of the oracle's. */
  readonly worseInferences: number;
  /** After the change for the better: seconds until that is so. */
  readonly betterSeconds: number;
  /** Whether the client ran everything itself when things became better: it saw no transfers. */
  readonly wasLocal: boolean;
  /** Regret over time, for a plot: seconds since the change for the worse, expected regret as a share. */
  readonly timeline: readonly { readonly seconds: number; readonly regret: number }[];
}

/** All steps for one network and seed: good, bad for a while, good again. */
export function reactions(setup: Setup, network: number, seed: number): Reaction[] {
  return REACTION_STEPS.map((step) => {
    const { holdMs } = setup.reaction;
    const law = (name: string): LoadLaw => {
      const found = LOADS.find((load) => load.name === name);
      if (found === undefined) throw new Error(`The protocol's step names a load that there is not: '${name}'`);
      return found;
    };
    const link = linkOf(
      step.what === 'bandwidth'
        ? {
            kind: 'steps',
            megabits: [step.good, step.bad, step.good],
            firstMs: WARM_UP_MS + holdMs,
            holdMs,
            roundTripMs: HEADLINE_LINK.roundTripMs,
          }
        : { kind: 'constant', ...HEADLINE_LINK, megabits: step.megabits },
      seed,
    );
    const loads =
      step.what === 'load' ? [law(step.good), law(step.bad), law(step.good)] : [law('idle'), law('idle'), law('idle')];
    const world = new World(
      { network, link, loads, stepMs: holdMs, device: setup.device, edge: setup.edge, seed },
      setup.profiles,
    );
    const { armSet } = step;
    const truth = world.truth(armSet);
    const log = simulate(
      world,
      { kind: 'policy', policy: 'cutpoint' },
      { armSet, judged: true, futures: setup.futures },
    );
    const counted = log.records.filter(({ phase }) => phase > 0);
    const worseAtMs = WARM_UP_MS + holdMs;
    const betterAtMs = worseAtMs + holdMs;
    const worse = counted.filter(({ phase }) => phase === 2);
    const better = counted.filter(({ phase }) => phase === 3);
    const back = better[settlesAt(better)]?.startMs ?? betterAtMs + holdMs;
    return {
      network: world.profile.network,
      seed,
      what: step.what,
      step: `${step.good} → ${step.bad}${step.what === 'bandwidth' ? ' Mbit/s' : ` at ${step.megabits} Mbit/s`}`,
      armSet,
      worseInferences: settlesAt(worse),
      betterSeconds: settlesAt(better) === 0 ? 0 : (back - betterAtMs) / 1000,
      wasLocal: truth.usesEdge[worse.at(-1)?.arm ?? 0] !== true,
      timeline: counted.map((record) => ({ seconds: (record.startMs - worseAtMs) / 1000, regret: regretOf(record) })),
    };
  });
}

/** Number of the first inference that is near the oracle's with the next one; as many as there are if there is none. */
function settlesAt(records: readonly InferenceRecord[]): number {
  const isNear = (index: number) => {
    const record = records[index];
    return record === undefined || regretOf(record) <= REACTION_NEAR;
  };
  let index = 0;
  while (index < records.length && !(isNear(index) && isNear(index + 1))) index++;
  return index;
}

function regretOf({ verdict }: InferenceRecord): number {
  return verdict === undefined ? 0 : verdict.chosenExpectedMs / verdict.informedExpectedMs - 1;
}
