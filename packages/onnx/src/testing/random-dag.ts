import { GraphBuilder } from '../graph-builder.js';
import type { Model } from '../model.js';

const SIZE = 6;

/** A random graph over [6, 6] matrices: skips, fan-out, several inputs and outputs, shared and unshared weights. */
export function randomDag(random: () => number): Model {
  const pick = (count: number): number => Math.floor(random() * count);
  const graph = new GraphBuilder();
  const values: string[] = [];
  for (let i = 0; i <= pick(3); i++) {
    graph.input(`in${i}`, 'float32', [SIZE, SIZE]);
    values.push(`in${i}`);
  }
  for (let i = 0; i < 3; i++) graph.weight(`w${i}`, [SIZE, SIZE]);
  const numNodes = 4 + pick(12);
  for (let i = 0; i < numNodes; i++) {
    // Recent values more often, so that the graph grows long and not only wide.
    const value = (): string => values[Math.max(0, values.length - 1 - pick(5))] ?? 'in0';
    const out = `v${i}`;
    const kind = pick(6);
    if (kind === 0) graph.node('MatMul', [value(), `w${pick(3)}`], [out]);
    else if (kind === 1) graph.node('Add', [value(), value()], [out]);
    else if (kind === 2) graph.node('Tanh', [value()], [out]);
    else if (kind === 3) graph.node('Transpose', [value()], [out], { perm: [1n, 0n] });
    else if (kind === 4) {
      graph.node('Split', [value()], [`${out}a`, `${out}b`], { axis: 0n });
      graph.node('Concat', [`${out}b`, `${out}a`], [out], { axis: 0n });
    } else graph.node('Relu', [value()], [out]);
    values.push(out);
  }
  const outputs = new Set([values.at(-1) ?? 'in0', ...Array.from({ length: pick(3) }, () => `v${pick(numNodes)}`)]);
  for (const name of outputs) graph.output(name);
  return graph.build({ opset: 13 });
}
