import { weightedMean, weightedQuantile } from './summary.js';

export interface CrowdInference {
  readonly client: number;
  readonly network: number;
  readonly startMs: number;
  /** Not a number while it is not done. */
  readonly latencyMs: number;
  readonly arm: number;
  readonly usesEdge: boolean;
}

/** How many clients of one edge fared together. */
export interface Crowd {
  readonly contestant: string;
  /** What the edge had to do beside these clients. */
  readonly load: string;
  readonly inferences: number;
  /** Every client weighs the same, however many inferences it had time for. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Share of the decisions that took another arm than the one before. */
  readonly switchShare: number;
  /** Clients that offload, for each second: mean, standard deviation ÷ number of clients. */
  readonly offloading: readonly number[];
  readonly offloadingMean: number;
  readonly offloadingDeviation: number;
  /**
   * Least autocorrelation of that number over 1 to 10 s: near -1 when all move to and fro together, near 0 for noise. It
   * says nothing of how many move, the deviation does.
   */
  readonly oscillation: number;
  /** Largest change of it within 2 s ÷ number of clients. */
  readonly largestSwing: number;
}

export function crowdOf(
  of: { readonly contestant: string; readonly load: string },
  done: readonly CrowdInference[],
  clients: number,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): Crowd {
  const counted = done.filter(({ startMs }) => startMs >= fromMs);
  // What is still under way took at least until now: leaving it out would favour whoever is stuck.
  const latencies = counted.map(({ latencyMs, startMs }) => (Number.isNaN(latencyMs) ? toMs - startMs : latencyMs));
  const perClient = new Map<number, number>();
  for (const { client } of counted) perClient.set(client, (perClient.get(client) ?? 0) + 1);
  const weights = counted.map(({ client }) => 1 / (perClient.get(client) ?? 1));
  const quantile = (q: number) => weightedQuantile([{ values: latencies, weights }], q);
  const last = new Map<number, CrowdInference>();
  let switches = 0;
  for (const inference of counted) {
    const before = last.get(inference.client);
    if (before !== undefined && before.arm !== inference.arm) switches++;
    last.set(inference.client, inference);
  }
  const offloading = offloadingPerSecond(done, clients, fromMs, toMs);
  const mean = meanOf(offloading);
  const deviation = Math.sqrt(meanOf(offloading.map((count) => (count - mean) ** 2)));
  return {
    ...of,
    inferences: counted.length,
    meanMs: weightedMean(latencies, weights),
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
    switchShare: switches / Math.max(1, counted.length),
    offloading,
    offloadingMean: mean,
    offloadingDeviation: deviation / clients,
    oscillation: leastAutocorrelation(offloading),
    largestSwing:
      Math.max(0, ...offloading.map((count, at) => Math.abs(count - (offloading[at - 2] ?? count)))) / clients,
  };
}

/** At the end of each second: clients whose latest decision uses the edge. */
function offloadingPerSecond(done: readonly CrowdInference[], clients: number, fromMs: number, toMs: number): number[] {
  const usesEdge = new Array<boolean>(clients).fill(false);
  const ordered = [...done].sort((a, b) => a.startMs - b.startMs);
  const counts: number[] = [];
  let next = 0;
  for (let endMs = fromMs + 1000; endMs <= toMs; endMs += 1000) {
    for (
      let inference = ordered[next];
      inference !== undefined && inference.startMs < endMs;
      inference = ordered[++next]
    ) {
      usesEdge[inference.client] = inference.usesEdge;
    }
    counts.push(usesEdge.filter(Boolean).length);
  }
  return counts;
}

function leastAutocorrelation(series: readonly number[]): number {
  const mean = meanOf(series);
  const centred = series.map((value) => value - mean);
  const variance = meanOf(centred.map((value) => value ** 2));
  if (variance < 1e-9) return 0;
  let least = 0;
  for (let lag = 1; lag <= Math.min(10, series.length - 2); lag++) {
    const products = centred.slice(lag).map((value, index) => value * (centred[index] ?? 0));
    least = Math.min(least, meanOf(products) / variance);
  }
  return least;
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
