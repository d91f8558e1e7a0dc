import { median, round } from '../../statistics.js';
import type { Reaction } from './reaction.js';

export function reactionFigures(all: readonly Reaction[]) {
  const of = (what: Reaction['what'], value: (reaction: Reaction) => number) => {
    const values = all.filter((reaction) => reaction.what === what).map(value);
    return { max: round(Math.max(0, ...values)), median: round(median(values)) };
  };
  const local = all.filter(({ wasLocal }) => wasLocal).map(({ betterSeconds }) => betterSeconds);
  return {
    bandwidthStepInferences: of('bandwidth', ({ worseInferences }) => worseInferences).max,
    loadStepInferences: of('load', ({ worseInferences }) => worseInferences).max,
    bandwidthBetterSeconds: of('bandwidth', ({ betterSeconds }) => betterSeconds).max,
    loadBetterSeconds: of('load', ({ betterSeconds }) => betterSeconds).max,
    medians: {
      bandwidthStepInferences: of('bandwidth', ({ worseInferences }) => worseInferences).median,
      loadStepInferences: of('load', ({ worseInferences }) => worseInferences).median,
      bandwidthBetterSeconds: of('bandwidth', ({ betterSeconds }) => betterSeconds).median,
      loadBetterSeconds: of('load', ({ betterSeconds }) => betterSeconds).median,
    },
    clientsThatWereLocal: local.length,
    localBetterSeconds: { max: round(Math.max(0, ...local)), median: local.length === 0 ? null : round(median(local)) },
    slowestForTheWorse: slowest(all, ({ worseInferences }) => worseInferences),
    slowestForTheBetter: slowest(all, ({ betterSeconds }) => betterSeconds),
  };
}

function slowest(all: readonly Reaction[], of: (reaction: Reaction) => number) {
  return all
    .toSorted((a, b) => of(b) - of(a))
    .slice(0, 6)
    .map(({ timeline: _, ...reaction }) => ({ ...reaction, betterSeconds: round(reaction.betterSeconds) }));
}
