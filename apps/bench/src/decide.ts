import { parseArgs } from 'node:util';
import { type Arm, Controller, type PolicyName, policies, pruned } from '@cutpoint/partition';
import type { Bench } from './bench.js';
import { median, quantile, round } from './statistics.js';

const WARM_UP = 2_000;

/**
 * One decision over all arms, all of them ready, with every estimator fed, while conditions move so that the cut does
 * too. Then the same again with the record of all arms written each time, which happens when someone reads it: a page
 * does so a few times a second.
 */
export const decide: Bench = {
  summary: 'time of one decision [--cuts 300] [--decisions 20000] [--policy cutpoint]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        cuts: { type: 'string', default: '300' },
        decisions: { type: 'string', default: '20000' },
        policy: { type: 'string', default: 'cutpoint' },
      },
    });
    const cuts = positive('--cuts', values.cuts);
    const decisions = positive('--decisions', values.decisions);
    const policy = values.policy as PolicyName; // checked by the controller, which names the known ones
    const { micros, visited } = time(new Controller(armsOf(cuts), { policy, pruner: pruned }), decisions, false);
    const { micros: recordMicros } = time(new Controller(armsOf(cuts), { policy, pruner: pruned }), decisions, true);
    const result = {
      policy,
      cuts,
      decisions,
      chosenCuts: visited,
      medianMicros: round(median(micros)),
      meanMicros: round(micros.reduce((sum, value) => sum + value, 0) / micros.length),
      p95Micros: round(quantile(micros, 0.95)),
      p99Micros: round(quantile(micros, 0.99)),
      withRecordMedianMicros: round(median(recordMicros)),
      withRecordP95Micros: round(quantile(recordMicros, 0.95)),
    };
    print(`${decisions} decisions over ${cuts} cuts by ${policy}, ${visited} different cuts chosen`);
    print(`decide: median ${result.medianMicros} µs, p95 ${result.p95Micros} µs, p99 ${result.p99Micros} µs`);
    print(
      `decide and write the record of all arms: median ${result.withRecordMedianMicros} µs, p95 ${result.withRecordP95Micros} µs`,
    );
    return { ...result, policies: Object.keys(policies) };
  },
};

/** @returns the time of each decision, and how many different cuts were chosen */
function time(controller: Controller, decisions: number, withRecord: boolean): { micros: number[]; visited: number } {
  const micros: number[] = [];
  const visited = new Set<number>();
  prepare(controller);
  for (let index = -WARM_UP; index < decisions; index++) {
    const nowMs = 100 * (index + WARM_UP);
    observe(controller, index, nowMs);
    const startedAt = process.hrtime.bigint();
    const plan = controller.decide(nowMs);
    const written = withRecord ? plan.candidates.length : controller.arms.length;
    const doneAt = process.hrtime.bigint();
    if (written !== controller.arms.length) throw new Error(`a record of ${written} arms`);
    if (index < 0) continue;
    visited.add(plan.chosen.arm.cut);
    micros.push(Number(doneAt - startedAt) / 1000);
  }
  return { micros, visited: visited.size };
}

function prepare(controller: Controller): void {
  controller.observeConnection(true);
  for (const { cut } of controller.arms) {
    controller.setReady(cut, true);
    // Every arm has run, so that every one has corrections to apply.
    controller.observeHead(cut, (1 + (cut % 5) / 20) * 240 * (cut / controller.arms.length), 0);
    controller.observeTail(cut, (1 + (cut % 7) / 30) * 60 * (1 - cut / controller.arms.length), 0);
  }
}

/** Bandwidth swings between 1 and 30 Mbit/s and the load between none and much, each with a period of its own. */
function observe(controller: Controller, index: number, nowMs: number): void {
  const uplink = 2_000 + 1_850 * Math.sin(index / 40);
  controller.observeTransfer('up', { numBytes: 64_000, spanMs: 64_000 / uplink }, nowMs);
  controller.observeTransfer('down', { numBytes: 8_000, spanMs: 4 }, nowMs);
  controller.observeRoundTrip(8 + (index % 3), nowMs);
  controller.observeLoad({ queueMs: Math.max(0, 80 * Math.sin(index / 90)), k: 2 + Math.sin(index / 90) }, nowMs);
}

/** A convolutional network's shape: crossings shrink with depth, unevenly, and pooling steps make good cuts. */
function armsOf(cuts: number): Arm[] {
  const last = cuts - 1;
  return Array.from({ length: cuts }, (_, cut): Arm => {
    const depth = cut / last;
    const isLocal = cut === last;
    const unevenness = 1 + ((cut * 7_919) % 13) / 6;
    return {
      cut,
      codec: 'f32',
      headMs: 60 * depth,
      tailMs: 60 * (1 - depth),
      bytesUp: isLocal ? 0 : Math.round(600_000 * unevenness * Math.exp(-4 * depth)),
      bytesDown: isLocal ? 0 : 4_000,
      usesEdge: !isLocal,
      isPrefix: true,
    };
  });
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 2)
    throw new Error(`${option} must be a whole number of at least 2, not '${text}'`);
  return value;
}
