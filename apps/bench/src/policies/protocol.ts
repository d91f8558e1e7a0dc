import type { LoadLaw } from './edge/load-law.js';
import type { MarkovLink } from './link/markov-trace.js';

/**
 * The protocol of the comparison: everything that is not measured and not a policy's own. The same for every policy;
 * changing a number here changes every result at once.
 *
 * What it leaves out: every head is ready at once and was timed when it became so, as `packages/client` does with each head
 * that it builds; neither the building of heads nor the client's limit of six is simulated. And no cut
 * that was proposed for any of the six networks is other than a prefix, so the minimum cuts, DADS' and ours, choose among
 * prefixes here; what they gain on networks with branches is not shown.
 */

/** LoADPart's six (Liu et al., ICDCS 2022, section V): what it is compared on should be what it was shown on. */
export const NETWORKS = ['alexnet', 'squeezenet', 'vgg16', 'resnet18', 'resnet50', 'xception'] as const;

export const DEVICES = {
  /** The browser and the machine that the heads were profiled in. */
  measured: { label: 'measured', d: 1 },
  /** A small board: one core of a Cortex-A53/A72 class runs such networks about four times slower than a desktop core. */
  'small-board': { label: 'small board (profile × 4)', d: 4 },
} as const;
export type DeviceClass = keyof typeof DEVICES;

export const EDGES = {
  /** Tails as measured with onnxruntime-node on the CPU. Nobody can read a GPU there. */
  cpu: { label: 'CPU as measured', divisor: 1, perNodeMs: 0, hasGpu: false },
  /**
   * SCALED, not measured: the CPU's tails ÷ 16, plus 15 µs for the launch of each node's kernel. Both are chosen,
   * no source: what is left of a small network is then mostly launches. Another divisor moves the cuts that are right, for
   * all policies alike.
   */
  'gpu-scaled': { label: 'GPU, SCALED from CPU', divisor: 16, perNodeMs: 0.015, hasGpu: true },
} as const;
export type EdgeClass = keyof typeof EDGES;

/** 1 Mbit/s in bytes per ms. */
export const BYTES_PER_MS_OF_MEGABIT = 125;
/** Access networks give downloads at least twice what uploads get; of traces the same, unless they say otherwise. */
export const DOWNLINK_FACTOR = 2;

/** From a bad mobile uplink to a good Wi-Fi, each twice the one before. */
export const RATES_MBIT = [1, 2, 4, 8, 16, 32, 64] as const;
/** A wired edge in the house, one in the city, one across a mobile network. */
export const ROUND_TRIPS_MS = [2, 20, 80] as const;
/** What LoADPart shows its load experiments at: 8 Mbit/s up. 20 ms is an edge in the city. */
export const HEADLINE_LINK = { megabits: 8, roundTripMs: 20 } as const;
/** Round trip of traces, which say nothing of it: LTE's own. */
export const TRACE_ROUND_TRIP_MS = 50;
/**
 * Own traces of a mobile link: rates a factor of 2 apart, since schedulers halve and double them; a stay of 2 s, about
 * what the Verizon and AT&T traces of mahimahi show; one move in 20 into an outage of half a second (a handover).
 */
export const LTE: MarkovLink = {
  rates: [0.5, 1, 2, 4, 8, 16, 32].map((megabits) => megabits * BYTES_PER_MS_OF_MEGABIT),
  dwellMs: 2_000,
  outageShare: 0.05,
  outageMs: 500,
  lengthMs: 300_000,
};
/** Who knows a link's present rate knows that of the last 200 ms: less is the noise of single packets. */
export const PRESENT_RATE_MS = 200;

/**
 * A fifth of what keeps the edge busy comes from processes beside it, the rest through its queue. Chosen, no source: enough
 * that slowdown and waiting are two things that have to be told apart, and less than what waits.
 */
const TENANT_SHARE = 0.2;
/** Such a process computes for half a second at a time: some dozens of inferences, a batch, a step of a training. */
const TENANT_BURST_MS = 500;

/**
 * Load after LoADPart's steps: the accelerator is busy for this share of the time before we send anything. Through the
 * queue come independent requests (Poisson), beside it one co-tenant; a tail that meets the co-tenant takes twice as long.
 */
function busy(name: string, share: number): LoadLaw {
  const tenants = TENANT_SHARE * share;
  // Busy is who is not idle in the queue and not idle beside it: 1 - (1 - queue)(1 - tenants).
  const queue = 1 - (1 - share) / (1 - tenants);
  // Work in the queue takes longer while the co-tenant runs; what arrives is counted in idle ms.
  const work = queue / (1 + tenants);
  return {
    name,
    arrivals: { on: work, off: work, onMs: Number.POSITIVE_INFINITY, offMs: Number.POSITIVE_INFINITY },
    closedClients: 0,
    coTenants: { count: 1, onMs: TENANT_BURST_MS, offMs: (TENANT_BURST_MS * (1 - tenants)) / tenants },
  };
}

export const LOADS: readonly LoadLaw[] = [
  { name: 'idle', arrivals: undefined, closedClients: 0, coTenants: undefined },
  busy('30%', 0.3),
  busy('50%', 0.5),
  busy('70%', 0.7),
  busy('90%', 0.9),
  /**
   * Always busy, and always somebody waiting: four clients that ask again as soon as they are answered. Chosen, no source: a
   * few, so that a request waits for about four tails and offloading may still be right.
   */
  { name: '100% light', arrivals: undefined, closedClients: 4, coTenants: undefined },
  /**
   * Always busy with many waiting, and two co-tenants that run half of the time, two seconds at a time. Chosen, no source: 32
   * is eight times the light level; the co-tenants move every run time by up to a factor of three, for seconds at a time, so
   * that it can be followed but does not settle.
   */
  {
    name: '100% heavy',
    arrivals: undefined,
    closedClients: 32,
    coTenants: { count: 2, onMs: 2_000, offMs: 2_000 },
  },
];
/**
 * Half of the load of the queue in the mean, in bursts of two seconds that nearly fill it. No step: a cell of its own. 0.95
 * and 0.05 are chosen, no source: as far apart as they can be without a queue that never empties, around the same mean as 50%.
 */
export const BURSTY: LoadLaw = {
  name: 'bursty',
  arrivals: { on: 0.95, off: 0.05, onMs: 2_000, offMs: 2_000 },
  closedClients: 0,
  coTenants: undefined,
};

/** Short, for the narrow places of plots. */
export const STEP_NAMES: Readonly<Record<string, string>> = { '100% light': 'light', '100% heavy': 'heavy' };

/** LoADPart holds each load for a minute. */
export const STEP_MS = 60_000;
/**
 * Before anything is counted: time for pings and some twenty inferences at the first load, after the heads were timed. Every policy gets
 * the same.
 */
export const WARM_UP_MS = 10_000;
/** One inference at a time, the next one half a second after the start of the one before, or when that one is done. A page
 * that looks at a camera twice a second; long enough that TCP starts anew, as between the taps of a person. */
export const PERIOD_MS = 500;
/** Of all arms, so many of those that are fastest with an idle edge are tried as the fixed arm; local besides. */
export const FIXED_ARMS_TRIED = 25;
/** An inference misses its deadline when it takes longer than twice the best that the arms at hand could do on this link with
 * an idle edge. */
export const DEADLINE_FACTOR = 2;

/** Scatter of single runs, as a share: repeated warm runs of one head or tail on one machine scatter by 2 to 5 %. */
export const HEAD_NOISE = 0.04;
export const TAIL_NOISE = 0.03;
/**
 * The device is not the profiled one times a factor: each layer suits it better or worse. LoADPart states errors of its
 * own predictors of about 10 %. Independent for each layer, so whole heads are off by less.
 */
export const LAYER_DEVIATION = 0.1;
/** Round trips scatter upwards: in the mean by 0.3 ms for timers and 2 % for the path. */
export const ROUND_TRIP_NOISE = { ms: 0.3, share: 0.02 } as const;

/** What a client does beside inferences, as `packages/client` does it. */
export const CALIBRATION = { runs: 12, forMs: 600 } as const;
export const FIRST_PINGS = 3;
export const PING_EVERY_MS = 5_000;
/** How often a controller is asked whether it wants a probe. */
export const PROBE_EVERY_MS = 500;

/**
 * What the pages of these policies send when they sent nothing for so long. LoADPart's device profiles the bandwidth
 * periodically, and Neurosurgeon and DADS take the present bandwidth for known; without, a page that once chose local would
 * never learn that its link is better. Period and size are ours: that of the pings, and 8 ms of the link at 8 Mbit/s.
 */
export const PERIODIC_PROBE = {
  policies: ['neurosurgeon', 'loadpart', 'dads'],
  afterSilenceMs: 5_000,
  numBytes: 8_192,
} as const;

/** The edge runs a canary of a model of which no tail ran for a second: its shortest tail of at least a ms. */
export const CANARY_AFTER_MS = 1_000;
export const CANARY_LEAST_MS = 1;

/** Futures that the informed oracle takes its expectation over: with 32 the error of a mean wait is a sixth of its scatter. */
export const SAMPLED_FUTURES = 32;
/** Load, links' traces and noise are drawn anew for each of so many seeds; confidence intervals are over them. */
export const SEEDS = 8;
export const BOOTSTRAP_RESAMPLES = 2_000;
/** Share of a decision's latency by which an arm counts as as good as the oracle's. */
export const NEAR_ORACLE = 0.05;

/**
 * `--quick`: the same, with shorter steps, fewer seeds and fewer cells: both ends and the middle of rates and loads, as many
 * as fit into a minute on two cores. For trying things; figures are quoted from full runs.
 */
export const QUICK = {
  stepMs: 20_000,
  seeds: 3,
  ratesMbit: [1, 8, 64],
  roundTripsMs: [20],
  loads: ['idle', '70%', '100% heavy'],
  cellMs: 12_000,
  cellSeeds: 2,
  futures: 16,
  fixedArms: 8,
  clientsMs: 24_000,
  clientsSeeds: 1,
  reactionSeeds: 1,
} as const;
/** A cell of the grid (network × link × load): a minute after the warm-up, at one load. */
export const CELL_MS = 60_000;
export const CELL_SEEDS = 2;

/** A change for the worse and back, to see how soon it is followed. */
export type ReactionStep =
  | { readonly what: 'bandwidth'; readonly good: number; readonly bad: number; readonly armSet: 'same' | 'all' }
  | {
      readonly what: 'load';
      readonly good: string;
      readonly bad: string;
      readonly megabits: number;
      readonly armSet: 'same' | 'all';
    };
/**
 * An eighth of the rate (a walk out of the room), and a link that is nearly gone, so that running locally is right for the
 * small networks; raw tensors need a faster link to be sent at all. An edge that was idle and is as full as the protocol has it.
 */
export const REACTION_STEPS: readonly ReactionStep[] = [
  { what: 'bandwidth', good: 8, bad: 1, armSet: 'all' },
  { what: 'bandwidth', good: 8, bad: 0.25, armSet: 'all' },
  { what: 'bandwidth', good: 64, bad: 8, armSet: 'same' },
  { what: 'load', good: 'idle', bad: '100% heavy', megabits: 8, armSet: 'all' },
  { what: 'load', good: 'idle', bad: '100% heavy', megabits: 64, armSet: 'same' },
];
/** An arm within 10 % of the oracle's expected latency is as good as its. */
export const REACTION_NEAR = 0.1;
/** Long enough that every estimator has settled. */
export const REACTION_HOLD_MS = 30_000;
export const REACTION_SEEDS = 3;

/** Clients of one edge, and what else it has to do: on its own, and so busy that not all of them can be served. */
export const CLIENTS = 64;
export const CLIENTS_LOADS = ['idle', '70%'] as const;
export const CLIENTS_MS = 120_000;
export const CLIENTS_SEEDS = 2;
