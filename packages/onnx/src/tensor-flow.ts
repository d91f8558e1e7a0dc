import type { Analysis } from './analyse.js';
import { indexOf } from './graph-index.js';
import type { Model } from './model.js';

/** Who writes a tensor and who reads it; nodes by their index. Weights are on both sides and flow nowhere. */
export interface TensorFlow {
  readonly name: string;
  readonly bytes: number;
  /** `null` for an input of the graph. */
  readonly producer: number | null;
  readonly readers: readonly number[];
  readonly isOutput: boolean;
}

/** All tensors that a cut could have to move, inputs first. What is no tensor counts as empty: such cuts cannot be run. */
export function tensorFlow(model: Model, analysis: Analysis): readonly TensorFlow[] {
  const index = indexOf(model);
  return [...index.inputs, ...index.producer.keys()].map((name) => ({
    name,
    bytes: analysis.tensors.get(name)?.numBytes ?? 0,
    producer: index.producer.get(name) ?? null,
    readers: index.readers.get(name) ?? [],
    isOutput: index.outputs.has(name),
  }));
}
