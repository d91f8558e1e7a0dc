import type { Task } from '@cutpoint/protocol';
import { ModelError } from '../models/error.js';
import type { BuiltVariant } from './build-variant.js';
import type { PrepareRequest } from './prepared.js';

/** What the outputs of the pixel variants mean. All sizes share it, so their outputs have the same names. */
export function describeTask(built: readonly BuiltVariant[], request: PrepareRequest): Task {
  const variant = built.find(({ pixels }) => pixels !== undefined);
  const outputs = variant?.pixels?.outputs;
  if (variant === undefined || outputs === undefined || outputs.type === 'tensors') return { type: 'tensors' };
  if (outputs.type === 'text-map') return { type: 'text-detection', map: outputs.map, stride: outputs.stride };
  checkLabels(built, request);
  return {
    type: outputs.type === 'top-k' ? 'classification' : 'text-recognition',
    values: outputs.values,
    indices: outputs.indices,
    labels: [...request.labels],
  };
}

/** A list of the wrong length would name everything wrongly, and nobody would notice. */
function checkLabels(built: readonly BuiltVariant[], request: PrepareRequest): void {
  const { post } = request.config;
  if (post === undefined || post.type === 'text-map' || request.labels.length === 0) return;
  for (const { analysis } of built) {
    const scores = analysis.tensors.get(post.output);
    if (scores === undefined) continue;
    const [batch = 1, ...rest] = scores.dims;
    const classes = post.type === 'top-k' ? rest.reduce((a, b) => a * b, 1) : (rest.at(-1) ?? batch);
    if (classes === request.labels.length) continue;
    throw new ModelError(
      'labels_mismatch',
      `${request.name}: ${post.output} has ${classes} classes, but there are ${request.labels.length} labels: ` +
        'correct "labels" of the config ("before" and "after" count too)',
    );
  }
}
