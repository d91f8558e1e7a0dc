import { cleanModel, withUsedOpsets } from './clean.js';
import { OnnxError } from './errors.js';
import { expose } from './expose.js';
import { hasInsertedCasts, withoutInsertedCasts } from './fp16-casts.js';
import { graphOf } from './graph-index.js';
import { decodeModel, encodeModel, type Model } from './model.js';
import { namesIn } from './node-writer.js';
import { hideCasts, restoreCasts } from './own-casts.js';
import { withFields } from './proto.js';
import type { OnnxRuntime, RuntimeValue } from './runtime.js';

export interface OptimizedModel {
  readonly model: Model;
  /** Why the runtime's optimisation was not used (the graph is the given one, cleaned); `undefined` when it was. */
  readonly skipped: string | undefined;
}

/**
 * The model after `basic` optimisation: constants folded, `Identity` gone, initialisers no longer inputs, nodes in
 * topological order, no stale shapes. fp16 models come back without the casts that a save through the CPU provider adds.
 * Fix dimensions before: what is fixed can be folded.
 *
 * @throws OnnxError `runtime_failed` when the runtime refuses the model
 */
export async function optimizeModel(model: Model, runtime: OnnxRuntime): Promise<OptimizedModel> {
  const cleaned = withUsedOpsets(cleanModel(model));
  const { model: input, marker } = hideCasts(cleaned);
  let bytes: Uint8Array;
  try {
    bytes = await runtime.optimize(encodeModel(input));
  } catch (cause) {
    throw new OnnxError('runtime_failed', `onnxruntime cannot load the model: ${messageOf(cause)}`, { cause });
  }
  const saved = decodeModel(bytes);
  const optimized = withUsedOpsets(
    cleanModel(
      withFields(restoreCasts(withoutInsertedCasts(saved, namesIn(graphOf(cleaned))), marker), {
        producerName: model.producerName,
        metadataProps: [],
      }),
    ),
  );
  const skipped = hasInsertedCasts(saved) ? await typeConflict(cleaned, optimized, runtime) : undefined;
  return { model: skipped === undefined ? optimized : cleaned, skipped };
}

/**
 * Removing the casts is right unless the provider had merged one of them with a cast inside a body or the like. That shows as a tensor whose type differs from what it was, or as a graph that does not open.
 */
async function typeConflict(before: Model, after: Model, runtime: OnnxRuntime): Promise<string | undefined> {
  const expected = await valuesOf(before, runtime);
  let actual: ReadonlyMap<string, RuntimeValue>;
  try {
    actual = await valuesOf(after, runtime);
  } catch (cause) {
    return `without the casts that onnxruntime added, it does not open: ${messageOf(cause)}`;
  }
  for (const [name, { type }] of actual) {
    const was = expected.get(name)?.type;
    if (was !== undefined && was !== type) return `"${name}" would be ${type} instead of ${was}`;
  }
  return undefined;
}

async function valuesOf(model: Model, runtime: OnnxRuntime): Promise<ReadonlyMap<string, RuntimeValue>> {
  const session = await runtime.open(encodeModel(expose(model)), { purpose: 'inspect' });
  try {
    return new Map(session.outputs.map((value) => [value.name, value]));
  } finally {
    await session.release();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
