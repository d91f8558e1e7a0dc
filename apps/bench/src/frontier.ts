import { parseArgs } from 'node:util';
import {
  type CostGraph,
  type CutCost,
  Frontier,
  type ProposedCut,
  proposeCuts,
  scanPrefixes,
} from '@cutpoint/partition';
import { branchingNetwork, chainNetwork } from '@cutpoint/partition/made-up-networks';
import type { Bench } from './bench.js';
import { median, round } from './statistics.js';

const WARM_UP = 3;
const RUNS = 15;

/** Bytes and time of a codec beside those of `f32`: the shares of an activation after rounding and deflating. */
const CODECS = [
  { share: 1, nanosecondsPerByte: 0 },
  { share: 0.5, nanosecondsPerByte: 0.1 },
  { share: 0.25, nanosecondsPerByte: 0.3 },
  { share: 0.8, nanosecondsPerByte: 20 },
  { share: 0.35, nanosecondsPerByte: 12 },
  { share: 0.17, nanosecondsPerByte: 7 },
];
/** What TCP's slow start has sent before its first, second, … stall. */
const WINDOWS = Array.from({ length: 10 }, (_, index) => 14_600 * (2 ** (index + 1) - 1));

/** Time to find the candidates of one network and the arms that can win: proposals, then the hull over cuts and codecs. */
export const frontier: Bench = {
  summary: 'time to propose cuts and to build the frontier [--nodes 500] [--seed 1]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: { nodes: { type: 'string', default: '500' }, seed: { type: 'string', default: '1' } },
    });
    const numNodes = Number(values.nodes);
    if (!Number.isInteger(numNodes) || numNodes < 2)
      throw new Error(`--nodes is not a number of at least 2: ${values.nodes}`);
    const networks = {
      branching: branchingNetwork(numNodes, seeded(Number(values.seed))),
      chain: chainNetwork(numNodes, seeded(Number(values.seed))),
    };
    const results = Object.entries(networks).map(([network, graph]) => ({ network, ...measure(graph) }));
    for (const { network, ...result } of results) {
      print(
        `${network}, ${result.nodes} nodes: ${result.proposals} cuts proposed (${result.notPrefixes} not prefixes) in ` +
          `${result.proposeMs} ms; ${result.active} of ${result.arms} arms on the hull in ${result.hullMs} ms; ` +
          `whole frontier ${result.frontierMs} ms (first time ${result.firstMs} ms)`,
      );
    }
    return { frontierMs: Math.max(...results.map(({ frontierMs }) => frontierMs)), networks: results };
  },
};

function measure(graph: CostGraph) {
  const proposeMs: number[] = [];
  const hullMs: number[] = [];
  let proposed: readonly ProposedCut[] = [];
  let [numArms, numActive] = [0, 0];
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const startedAt = performance.now();
    proposed = proposeCuts(graph);
    const proposedAt = performance.now();
    const arms = armsOf(graph, proposed);
    const built = new Frontier(arms.length, (index) => arms[index] ?? []);
    const doneAt = performance.now();
    proposeMs.push(proposedAt - startedAt);
    hullMs.push(doneAt - proposedAt);
    [numArms, numActive] = [arms.length, built.active.length];
  }
  const whole = proposeMs.map((ms, run) => ms + (hullMs[run] ?? 0));
  return {
    nodes: graph.nodes.length,
    proposals: proposed.length,
    notPrefixes: proposed.filter(({ prefix }) => prefix === undefined).length,
    arms: numArms,
    active: numActive,
    firstMs: round(whole[0] ?? 0),
    proposeMs: round(median(proposeMs.slice(WARM_UP))),
    hullMs: round(median(hullMs.slice(WARM_UP))),
    frontierMs: round(median(whole.slice(WARM_UP))),
  };
}

/** Features of every arm: all prefixes and all other proposals, with every codec. */
function armsOf(graph: CostGraph, proposed: readonly ProposedCut[]): readonly (readonly number[])[] {
  const others = proposed.filter(({ prefix }) => prefix === undefined);
  return [...scanPrefixes(graph), ...others].flatMap((cut) => featuresOf(cut));
}

function featuresOf({ headMs, tailMs, bytesUp, bytesDown }: CutCost): readonly (readonly number[])[] {
  if (bytesUp === 0 && tailMs === 0) return [[headMs, 0, 0, 0, 0, 0, ...WINDOWS.map(() => 0)]];
  return CODECS.map(({ share, nanosecondsPerByte }) => {
    const sent = bytesUp * share;
    const codecMs = (bytesUp * nanosecondsPerByte) / 1e6;
    return [headMs, codecMs, 1, sent, tailMs, bytesDown, ...WINDOWS.map((window) => (sent > window ? 1 : 0))];
  });
}

/** Uniform in 0..1, the same series for the same seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
