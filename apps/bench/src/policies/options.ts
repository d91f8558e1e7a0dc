import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { withEqualCodecTimes } from './codec-times.js';
import type { LoadLaw } from './edge/load-law.js';
import { readProfiles } from './profile-file.js';
import * as protocol from './protocol.js';
import type { LinkSpec } from './run/links.js';
import { linkName } from './run/links.js';
import { PARTS, type Setup } from './run/setup.js';
import { syntheticProfile } from './testing/synthetic-profile.js';

export const USAGE =
  'policies in a simulator over measured profiles [--networks a,b] [--device measured|small-board] [--edge cpu|gpu-scaled] ' +
  '[--links 8/20,lte] [--trace FILE]… [--loads idle,50%] (these three choose the cells of the grid; the other parts have ' +
  'links and loads of their own) [--clients 64] [--seed 1] [--quick] [--report DIR] [--profiles DIR] [--synthetic] ' +
  '[--threads N] [--only headline,ablations,grid,reaction,clients,timing]';

export interface PoliciesOptions {
  readonly setup: Setup;
  readonly threads: number;
  readonly reportFolder: string | undefined;
  readonly quick: boolean;
  readonly synthetic: boolean;
}

/** @throws Error that says which option is wrong, and what it may be */
export function readOptions(args: readonly string[]): PoliciesOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      networks: { type: 'string' },
      links: { type: 'string' },
      trace: { type: 'string', multiple: true, default: [] },
      loads: { type: 'string' },
      clients: { type: 'string', default: String(protocol.CLIENTS) },
      device: { type: 'string', default: 'small-board' },
      edge: { type: 'string', default: 'gpu-scaled' },
      seed: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      report: { type: 'string' },
      profiles: { type: 'string' },
      synthetic: { type: 'boolean', default: false },
      only: { type: 'string' },
      threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    },
  });
  const { quick } = values;
  const networks =
    values.networks === undefined ? [...protocol.NETWORKS] : chosen('--networks', values.networks, protocol.NETWORKS);
  const seed = wholeNumber('--seed', values.seed, 0);
  const seeds = (count: number) => Array.from({ length: count }, (_, index) => seed + index);
  const profiles = values.synthetic
    ? protocol.NETWORKS.map(syntheticProfile)
    : withEqualCodecTimes(readProfiles(protocol.NETWORKS, ...(values.profiles === undefined ? [] : [values.profiles])));
  const { QUICK } = protocol;
  const only = values.only === undefined ? [] : chosen('--only', values.only, PARTS);
  return {
    setup: {
      parts:
        values.only === undefined
          ? PARTS.filter((part) => !quick || part !== 'ablations')
          : PARTS.filter((part) => only.includes(part)),
      profiles,
      networks: networks.map((name) => profiles.findIndex(({ network }) => network === name)),
      device: oneOf('--device', values.device, protocol.DEVICES),
      edge: oneOf('--edge', values.edge, protocol.EDGES),
      seeds: seeds(quick ? QUICK.seeds : protocol.SEEDS),
      stepMs: quick ? QUICK.stepMs : protocol.STEP_MS,
      futures: quick ? QUICK.futures : protocol.SAMPLED_FUTURES,
      fixedArms: quick ? QUICK.fixedArms : protocol.FIXED_ARMS_TRIED,
      grid: {
        links: linksOf(values.links, values.trace, quick),
        loads: loadsOf(values.loads, quick),
        seeds: seeds(quick ? QUICK.cellSeeds : protocol.CELL_SEEDS),
        cellMs: quick ? QUICK.cellMs : protocol.CELL_MS,
      },
      clients: {
        count: wholeNumber('--clients', values.clients, 0),
        durationMs: quick ? QUICK.clientsMs : protocol.CLIENTS_MS,
        seeds: seeds(quick ? QUICK.clientsSeeds : protocol.CLIENTS_SEEDS),
      },
      reaction: {
        seeds: seeds(quick ? QUICK.reactionSeeds : protocol.REACTION_SEEDS),
        holdMs: protocol.REACTION_HOLD_MS,
      },
    },
    threads: wholeNumber('--threads', values.threads, 0),
    reportFolder: values.report,
    quick,
    synthetic: values.synthetic,
  };
}

function linksOf(text: string | undefined, traces: readonly string[], quick: boolean): LinkSpec[] {
  const { QUICK } = protocol;
  const rates = quick ? QUICK.ratesMbit : protocol.RATES_MBIT;
  const roundTrips = quick ? QUICK.roundTripsMs : protocol.ROUND_TRIPS_MS;
  const own: LinkSpec[] =
    text === undefined
      ? [
          ...rates.flatMap((megabits) =>
            roundTrips.map((roundTripMs): LinkSpec => ({ kind: 'constant', megabits, roundTripMs })),
          ),
          { kind: 'lte' },
        ]
      : text.split(',').map(linkNamed);
  const links = [...own, ...traces.map((path): LinkSpec => ({ kind: 'trace', path }))];
  // A file that cannot be read is said before anything runs.
  for (const link of links) linkName(link);
  return links;
}

function linkNamed(text: string): LinkSpec {
  if (text === 'lte') return { kind: 'lte' };
  const match = /^(\d+(?:\.\d+)?)(?:\/(\d+(?:\.\d+)?))?$/.exec(text);
  const megabits = Number(match?.[1] ?? 0);
  if (!(megabits > 0)) throw new Error(`--links: '${text}' is neither 'lte' nor Mbit/s or Mbit/s/RTT, as in 8 or 8/20`);
  return { kind: 'constant', megabits, roundTripMs: Number(match?.[2] ?? protocol.HEADLINE_LINK.roundTripMs) };
}

function loadsOf(text: string | undefined, quick: boolean): LoadLaw[] {
  const all = [...protocol.LOADS, protocol.BURSTY];
  const names = all.map(({ name }) => name);
  const wanted: readonly string[] =
    text === undefined ? (quick ? protocol.QUICK.loads : names) : chosen('--loads', text, names);
  return all.filter(({ name }) => wanted.includes(name));
}

function chosen(option: string, text: string, known: readonly string[]): string[] {
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined) throw new Error(`${option}: there is no '${wrong}'; there are ${known.join(', ')}`);
  return names;
}

function oneOf<Name extends string>(option: string, text: string, known: Readonly<Record<Name, unknown>>): Name {
  const names = Object.keys(known) as Name[];
  const name = names.find((each) => each === text);
  if (name === undefined) throw new Error(`${option}: there is no '${text}'; there are ${names.join(', ')}`);
  return name;
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || text.trim() === '') {
    throw new Error(`${option} must be a whole number of at least ${least}, not '${text}'`);
  }
  return value;
}
