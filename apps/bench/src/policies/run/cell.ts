import { type ArmTruth, armTruth, trueHeads } from '../client/arm-truth.js';
import { RunNoise } from '../client/run-noise.js';
import type { Canary } from '../edge/edge-queue.js';
import type { LoadLaw, LoadPhase } from '../edge/load-law.js';
import { LoadPath } from '../edge/load-path.js';
import type { RateTrace } from '../link/rate-trace.js';
import { FutureDraws } from '../oracle/sampled-future.js';
import type { NetworkProfile } from '../profile-file.js';
import { allArms, sameArms, tailMsOn, wholeTailMs } from '../profiled-arms.js';
import {
  CANARY_AFTER_MS,
  CANARY_LEAST_MS,
  DEADLINE_FACTOR,
  DEVICES,
  type DeviceClass,
  EDGES,
  type EdgeClass,
  HEAD_NOISE,
  LAYER_DEVIATION,
  TAIL_NOISE,
  WARM_UP_MS,
} from '../protocol.js';
import { seedOf } from '../random.js';

/** A link as a run meets it: its traces may depend on the seed. */
export interface Link {
  readonly name: string;
  readonly roundTripMs: number;
  readonly up: RateTrace;
  readonly down: RateTrace;
}

/** What one run is made under. */
export interface Cell {
  readonly network: number;
  readonly link: Link;
  /** Levels of load after the warm-up, each for `stepMs`. */
  readonly loads: readonly LoadLaw[];
  readonly stepMs: number;
  readonly device: DeviceClass;
  readonly edge: EdgeClass;
  readonly seed: number;
}

export type ArmSet = 'same' | 'all';

/** A cell made ready: every policy that runs in it meets the same load, links and noise. */
export class World {
  readonly cell: Cell;
  readonly profiles: readonly NetworkProfile[];
  readonly names: readonly string[];
  /** The warm-up at the first level, then each level. */
  readonly phases: readonly LoadPhase[];
  readonly path: LoadPath;
  readonly tailsMs: readonly number[];
  readonly canaries: readonly Canary[];
  readonly noise: RunNoise;
  readonly endMs: number;
  readonly hasGpu: boolean;
  readonly #heads: ReadonlyMap<number, number>;
  readonly #arms = new Map<ArmSet, ArmTruth>();
  #draws: FutureDraws | undefined;

  /** @param profiles of all networks: the background runs all of them */
  constructor(cell: Cell, profiles: readonly NetworkProfile[]) {
    const { network, loads, stepMs, device, edge, seed } = cell;
    const profile = profiles[network];
    const first = loads[0];
    if (profile === undefined || first === undefined) throw new RangeError('a cell needs a network and a load');
    this.cell = cell;
    this.profiles = profiles;
    this.names = profiles.map((each) => each.network);
    this.endMs = WARM_UP_MS + loads.length * stepMs;
    this.phases = [
      { law: first, startMs: 0, endMs: WARM_UP_MS },
      ...loads.map((law, index) => ({
        law,
        startMs: WARM_UP_MS + index * stepMs,
        endMs: WARM_UP_MS + (index + 1) * stepMs,
      })),
    ];
    this.tailsMs = profiles.map((each) => wholeTailMs(edge, each));
    this.canaries = [canaryOf(profile, network, edge)];
    // What is under way at the end is finished under the last level.
    const last = this.phases.at(-1);
    const pathPhases = this.phases.map((phase) => (phase === last ? { ...phase, endMs: phase.endMs + stepMs } : phase));
    const mix = { tailsMs: this.tailsMs, noise: TAIL_NOISE };
    this.path = new LoadPath(pathPhases, mix, seedOf('load', seed, profile.network));
    this.noise = new RunNoise({ head: HEAD_NOISE, tail: TAIL_NOISE }, seedOf('noise', seed, profile.network));
    this.hasGpu = EDGES[edge].hasGpu;
    const heads = profile.cuts.map(({ id, headMs, isPrefix }) => ({ cut: id, headMs, isPrefix }));
    const layers = seedOf('layers', seed, profile.network, device);
    this.#heads = trueHeads(heads, DEVICES[device].d, LAYER_DEVIATION, layers);
  }

  get profile(): NetworkProfile {
    const profile = this.profiles[this.cell.network];
    if (profile === undefined) throw new RangeError(`no network ${this.cell.network}`);
    return profile;
  }

  truth(set: ArmSet): ArmTruth {
    const known = this.#arms.get(set);
    if (known !== undefined) return known;
    const { device, edge } = this.cell;
    const arms = set === 'same' ? sameArms(this.profile, device, edge) : allArms(this.profile, device, edge);
    const truth = armTruth(arms, this.#heads);
    this.#arms.set(set, truth);
    return truth;
  }

  /** Later than this an inference misses its deadline; of what is possible with these arms. */
  deadlineMs(set: ArmSet): number {
    return DEADLINE_FACTOR * Math.min(...idleMs(this.truth(set), this.cell.link));
  }

  /** Random numbers of the informed oracle's futures. */
  get draws(): FutureDraws {
    this.#draws ??= new FutureDraws(this.path.mix, seedOf('futures', this.cell.seed));
    return this.#draws;
  }
}

/** The shortest tail that is long enough to tell of a load; the longest when none is. */
export function canaryOf({ cuts }: NetworkProfile, model: number, edge: EdgeClass): Canary {
  const tails = cuts.map((cut) => tailMsOn(edge, cut)).sort((a, b) => a - b);
  const tailMs = tails.find((ms) => ms >= CANARY_LEAST_MS) ?? tails.at(-1) ?? CANARY_LEAST_MS;
  return { model, tailMs, afterMs: CANARY_AFTER_MS };
}

/** Latency of each arm when nothing waits and the link is as in the mean of its first minute. */
export function idleMs(truth: ArmTruth, { up, down, roundTripMs }: Link): number[] {
  const minuteMs = 60_000;
  const upRate = up.bytesUntil(minuteMs) / minuteMs;
  const downRate = down.bytesUntil(minuteMs) / minuteMs;
  return truth.arms.map((_arm, index) => {
    const value = (column: Float64Array) => column[index] ?? 0;
    const headMs = value(truth.headMs);
    const edgeMs =
      value(truth.encodeMs) +
      value(truth.bytesUp) / upRate +
      value(truth.decodeMs) +
      value(truth.tailMs) +
      value(truth.bytesDown) / downRate;
    return truth.usesEdge[index] === true ? headMs + roundTripMs + edgeMs : headMs;
  });
}
