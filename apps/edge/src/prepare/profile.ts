import type { OnnxRuntime, RuntimeTensors } from '@cutpoint/onnx';
import { feedsOf } from './session-feeds.js';
import { type CutShape, chooseTimedCuts, type TimedPoint, timeInterpolator } from './timed-cuts.js';

/** A cut of a variant as the profile sees it. */
export interface ProfiledCut extends CutShape {
  /** Encoded; `null` for an empty one. Their packs lie where the runtime looks for them. */
  readonly headGraph: Uint8Array | null;
  readonly tailGraph: Uint8Array | null;
}

export interface CutTimes {
  readonly headMs: number;
  readonly tailMs: number;
  readonly timed: boolean;
}

/** Share of the whole head's time (0..1) that is done after a share of its FLOPs (0..1). Learnt from one variant. */
export type WorkCurve = (flopsShare: number) => number;

export interface ProfileOptions {
  readonly runtime: OnnxRuntime;
  readonly feeds: RuntimeTensors;
  /** At most this many cuts, both ends among them. */
  readonly maxCuts: number;
  /** Timing stops proposing cuts beyond it; both ends are always timed. */
  readonly budgetMs: number;
  /** How work is spread over the network; even along FLOPs when left out. */
  readonly curve?: WorkCurve;
  readonly clock?: Clock;
  readonly onTimed?: (done: number, total: number) => void;
}

/** ms that passed, and ms that this process spent on a processor; `undefined` where the system counts too coarsely. */
export interface Clock {
  readonly wallMs: () => number;
  readonly cpuMs: () => number | undefined;
}

const PROCESS_CLOCK: Clock = {
  wallMs: () => performance.now(),
  cpuMs: () => {
    // Windows counts in steps of 15.6 ms.
    if (process.platform === 'win32') return undefined;
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/** Both ends and one cut between them are timed even when the budget is spent. */
const LEAST_TIMED = 3;

/** Runs behind one figure, after one to warm up: quick graphs are noisier and can afford more. */
const MIN_RUNS = 3;
const MAX_RUNS = 9;
const ENOUGH_MS = 60;

/**
 * Times heads and tails of a chosen few cuts and interpolates those of the others along the work of the network.
 *
 * @param cuts prefix cuts in order, the empty head first and the empty tail last.
 */
export async function profileCuts(
  cuts: readonly ProfiledCut[],
  options: ProfileOptions,
): Promise<{ readonly times: readonly CutTimes[]; readonly curve: WorkCurve }> {
  const clock = options.clock ?? PROCESS_CLOCK;
  const now = clock.wallMs;
  const totalFlops = cuts.at(-1)?.headFlops ?? 0;
  const share = (cut: ProfiledCut, position: number): number =>
    totalFlops > 0 ? cut.headFlops / totalFlops : position / Math.max(1, cuts.length - 1);
  const along = options.curve ?? ((value: number) => value);

  const measured = new Map<number, { readonly headMs: number; readonly tailMs: number }>();
  // Both ends are the whole network, so one session times the two.
  const startedAtMs = now();
  const whole = cuts.at(-1)?.headGraph ?? null;
  const wholeMs = whole === null ? 0 : (await timeGraph(options.runtime, whole, options.feeds, clock)).ms;
  const costMs = now() - startedAtMs;
  measured.set(0, { headMs: 0, tailMs: wholeMs });
  measured.set(cuts.length - 1, { headMs: wholeMs, tailMs: 0 });

  const affordable = Math.max(
    LEAST_TIMED,
    Math.min(options.maxCuts, 2 + Math.floor((options.budgetMs - costMs) / costMs)),
  );
  const chosen = chooseTimedCuts(cuts, affordable);
  options.onTimed?.(measured.size, chosen.length);
  for (const position of chosen) {
    const cut = cuts[position];
    if (cut === undefined || measured.has(position)) continue;
    if (measured.size >= LEAST_TIMED && now() - startedAtMs > options.budgetMs) break;
    measured.set(position, await timeCut(options.runtime, cut, options.feeds, clock));
    options.onTimed?.(measured.size, chosen.length);
  }

  const points: TimedPoint[] = [...measured].map(([position, times]) => {
    const cut = cuts[position];
    return { work: cut === undefined ? 0 : along(share(cut, position)), ...times };
  });
  const at = timeInterpolator(points);
  const times = cuts.map((cut, position): CutTimes => {
    const own = measured.get(position);
    return own === undefined ? { ...at(along(share(cut, position))), timed: false } : { ...own, timed: true };
  });
  const curve: WorkCurve = (flopsShare) => (wholeMs > 0 ? at(along(flopsShare)).headMs / wholeMs : flopsShare);
  return { times, curve };
}

async function timeCut(
  runtime: OnnxRuntime,
  cut: ProfiledCut,
  feeds: RuntimeTensors,
  clock: Clock,
): Promise<{ readonly headMs: number; readonly tailMs: number }> {
  const head = cut.headGraph === null ? undefined : await timeGraph(runtime, cut.headGraph, feeds, clock);
  const available = { ...feeds, ...head?.outputs };
  const tail = cut.tailGraph === null ? undefined : await timeGraph(runtime, cut.tailGraph, available, clock);
  return { headMs: head?.ms ?? 0, tailMs: tail?.ms ?? 0 };
}

/**
 * The fastest of a few runs after one to warm up, by the wall or by the time on a processor, whichever is less: a profile
 * is kept for long and must not remember that the machine was busy when it was made. How much of that a request meets is
 * for the load factor k to say. (With several threads the wall is always less.)
 */
async function timeGraph(
  runtime: OnnxRuntime,
  graph: Uint8Array,
  available: RuntimeTensors,
  clock: Clock,
): Promise<{ readonly ms: number; readonly outputs: RuntimeTensors }> {
  const session = await runtime.open(graph);
  try {
    const feeds = feedsOf(session, available);
    let outputs = await session.run(feeds);
    let fastestMs = Number.POSITIVE_INFINITY;
    let spentMs = 0;
    for (let run = 0; run < MIN_RUNS || (run < MAX_RUNS && spentMs < ENOUGH_MS); run++) {
      const [wallMs, cpuMs] = [clock.wallMs(), clock.cpuMs()];
      outputs = await session.run(feeds);
      const passedMs = clock.wallMs() - wallMs;
      const busyMs = cpuMs === undefined ? passedMs : (clock.cpuMs() ?? cpuMs) - cpuMs;
      fastestMs = Math.min(fastestMs, passedMs, busyMs);
      spentMs += passedMs;
    }
    return { ms: fastestMs, outputs };
  } finally {
    await session.release();
  }
}
