import { NEAR_ORACLE, WARM_UP_MS } from '../protocol.js';
import type { ArmSet, World } from './cell.js';
import type { RunLog } from './run-log.js';

/** One run in columns, an entry for each inference that counts (not of the warm-up). Plain data: it crosses threads. */
export interface RunSummary {
  readonly contestant: string;
  readonly network: string;
  readonly seed: number;
  /**
   * Weights sum to 1. Each level of load weighs the same, however many inferences there was time for in it: otherwise a
   * policy that is slow under load would be asked less there and look the better for it.
   */
  readonly weights: Float64Array;
  /** When the first level began, and each inference, by the virtual clock. */
  readonly originMs: number;
  readonly startMs: Float64Array;
  readonly latencyMs: Float64Array;
  /** Index of the level, from 0. */
  readonly level: Uint8Array;
  readonly cut: Uint16Array;
  readonly arm: Uint16Array;
  readonly isLate: Uint8Array;
  readonly bytesUp: Float64Array;
  /** Empty when the oracles were not asked. */
  readonly informedMs: Float64Array;
  readonly clairvoyantMs: Float64Array;
  /** Expected latency of the arm that ran ÷ that of the informed oracle's arm, minus 1. */
  readonly expectedRegret: Float64Array;
  readonly switchesPerMinute: number;
  readonly probes: number;
  readonly probeBytes: number;
}

export function summarise(log: RunLog, world: World, armSet: ArmSet): RunSummary {
  const { arms } = world.truth(armSet);
  const deadlineMs = world.deadlineMs(armSet);
  const records = log.records.filter(({ phase }) => phase > 0);
  const perPhase = new Map<number, number>();
  for (const { phase } of records) perPhase.set(phase, (perPhase.get(phase) ?? 0) + 1);
  const switches = records.filter(({ arm }, index) => index > 0 && records[index - 1]?.arm !== arm).length;
  const verdicts = records.flatMap(({ verdict }) => verdict ?? []);
  const minutes = (world.cell.loads.length * world.cell.stepMs) / 60_000;
  return {
    contestant: log.contestant,
    network: world.profile.network,
    seed: world.cell.seed,
    weights: Float64Array.from(records, ({ phase }) => 1 / (perPhase.size * (perPhase.get(phase) ?? 1))),
    originMs: WARM_UP_MS,
    startMs: Float64Array.from(records, ({ startMs }) => startMs),
    latencyMs: Float64Array.from(records, ({ latencyMs }) => latencyMs),
    level: Uint8Array.from(records, ({ phase }) => phase - 1),
    cut: Uint16Array.from(records, ({ arm }) => arms[arm]?.cut ?? 0),
    arm: Uint16Array.from(records, ({ arm }) => arm),
    isLate: Uint8Array.from(records, ({ latencyMs }) => (latencyMs > deadlineMs ? 1 : 0)),
    bytesUp: Float64Array.from(records, ({ bytesUp }) => bytesUp),
    informedMs: Float64Array.from(verdicts, ({ informedMs }) => informedMs),
    clairvoyantMs: Float64Array.from(verdicts, ({ clairvoyantMs }) => clairvoyantMs),
    expectedRegret: Float64Array.from(
      verdicts,
      ({ chosenExpectedMs, informedExpectedMs }) => chosenExpectedMs / informedExpectedMs - 1,
    ),
    switchesPerMinute: switches / minutes,
    probes: log.probes,
    probeBytes: log.probeBytes,
  };
}

/** Mean latency of one run, each level of load weighing the same, in ms. */
export function meanLatency({ latencyMs, weights }: RunSummary): number {
  return weightedMean(latencyMs, weights);
}

/** Of each inference, what was lost against what an oracle would have done in its place. */
export function regretMs({ latencyMs }: RunSummary, oracleMs: Float64Array): Float64Array {
  return Float64Array.from(oracleMs, (ms, index) => (latencyMs[index] ?? 0) - ms);
}

/** The same as a share of what the oracle would have taken. */
export function regretShare({ latencyMs }: RunSummary, oracleMs: Float64Array): Float64Array {
  return Float64Array.from(oracleMs, (ms, index) => (latencyMs[index] ?? 0) / ms - 1);
}

/** 1 for each inference that took at most 5 % longer than the informed oracle's arm would have. */
export function nearOracle(summary: RunSummary): Float64Array {
  return regretShare(summary, summary.informedMs).map((share) => (share <= NEAR_ORACLE ? 1 : 0));
}

export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let index = 0; index < values.length; index++) {
    sum += (values[index] ?? 0) * (weights[index] ?? 0);
    total += weights[index] ?? 0;
  }
  return sum / total;
}

/** The least value up to which lies the share `q` of the weight, of several runs that weigh the same. */
export function weightedQuantile(
  runs: readonly { readonly values: ArrayLike<number>; readonly weights: ArrayLike<number> }[],
  q: number,
): number {
  const entries: { value: number; weight: number }[] = [];
  let total = 0;
  for (const { values, weights } of runs) {
    for (let index = 0; index < values.length; index++) {
      const weight = weights[index] ?? 0;
      entries.push({ value: values[index] ?? 0, weight });
      total += weight;
    }
  }
  entries.sort((a, b) => a.value - b.value);
  let passed = 0;
  for (const { value, weight } of entries) {
    passed += weight;
    if (passed >= q * total * (1 - 1e-12)) return value;
  }
  return entries.at(-1)?.value ?? Number.NaN;
}
