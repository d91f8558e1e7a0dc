import type { NodeEvent } from '../ort/node-trace.js';
import type { SubjectNode } from './subject.js';

/** Suffix of convolutions that ONNX Runtime has moved to its blocked layout on x64; before it stands their output's name. */
const BLOCKED = /_nchwc(_token_\d+)?$/;
/** Prefix of matrix products with their activation. */
const FUSED = /^fused /;

/**
 * Kernel time of each node of the graph that was given to ONNX Runtime, out of a profile of the graph that it made of
 * it. A fused kernel counts to the product in it and the rest of the fusion took no time; a change of layout counts to
 * the node that comes after it.
 *
 * @returns ms per node: the fastest of the runs
 */
export function attributeTimes(nodes: readonly SubjectNode[], events: readonly NodeEvent[]): readonly number[] {
  const byName = new Map(nodes.map((node, index) => [node.name, index]));
  const byOutput = new Map(nodes.flatMap((node, index) => node.outputs.map((name) => [name, index] as const)));
  const totals = nodes.map(() => 0);
  let waitingMs = 0;
  let last = 0;
  for (const { name, opType, ms } of fastest(events)) {
    const base = name.replace(BLOCKED, '').replace(FUSED, '');
    const found = BLOCKED.test(name) ? byOutput.get(base) : (byName.get(base) ?? byOutput.get(base));
    if (found === undefined) {
      waitingMs += ms;
      continue;
    }
    last = productOf(nodes, found, opType);
    totals[last] = (totals[last] ?? 0) + waitingMs + ms;
    waitingMs = 0;
  }
  totals[last] = (totals[last] ?? 0) + waitingMs;
  return totals;
}

/** One entry per kernel, in the order of execution. */
function fastest(events: readonly NodeEvent[]): Iterable<{ name: string; opType: string; ms: number }> {
  const kernels = new Map<number, { name: string; opType: string; ms: number }>();
  for (const { name, opType, index, durationMs } of events) {
    const known = kernels.get(index);
    if (known === undefined) kernels.set(index, { name, opType, ms: durationMs });
    else known.ms = Math.min(known.ms, durationMs);
  }
  return kernels.values();
}

/** From the node whose name or output a kernel bears back to the one that does the kernel's work. */
function productOf(nodes: readonly SubjectNode[], start: number, opType: string): number {
  const wanted = opType.replace(/^Fused/, '');
  const seen = new Set<number>();
  const queue = [start];
  for (let index = queue.shift(); index !== undefined; index = queue.shift()) {
    if (nodes[index]?.opType === wanted) return index;
    if (seen.has(index)) continue;
    seen.add(index);
    queue.push(...(nodes[index]?.from ?? []));
  }
  return start;
}
