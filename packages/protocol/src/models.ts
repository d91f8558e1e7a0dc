import * as v from 'valibot';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** One model of `GET /v1/models`. */
export const modelStatusSchema = v.object({
  name: v.string(),
  version: v.string(),
  /** Only a `ready` model has a manifest. */
  status: v.picklist(['waiting', 'preparing', 'ready', 'failed']),
  description: v.string(),
  /** While `preparing`: the stage in a few words, `done` of `total` in its own steps; 0 of 0 when unknown. */
  progress: v.optional(v.object({ stage: v.string(), done: count, total: count })),
  /** When `failed`: a stable code, and what happened and what to do about it. */
  error: v.optional(v.object({ code: v.string(), message: v.string() })),
});
export type ModelStatus = v.InferOutput<typeof modelStatusSchema>;

export const modelListSchema = v.object({ models: v.array(modelStatusSchema) });
export type ModelList = v.InferOutput<typeof modelListSchema>;
