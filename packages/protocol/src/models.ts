import * as v from 'valibot';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** One model of `GET /v1/models`. */
export const modelStatusSchema = v.object({
  name: v.string(),
  version: v.string(),
  description: v.string(),
  /**
   * Only a `ready` model has a manifest. `on-demand`: the first request for its manifest starts preparing it. `missing`: its
   * files are not on the edge.
   */
  status: v.picklist(['on-demand', 'preparing', 'ready', 'missing', 'failed']),
  /** `true` for a network with random weights: its times are real, its answers mean nothing. */
  untrained: v.optional(v.boolean()),
  /** In plain words, what is the matter and what to do; absent when ready. */
  reason: v.optional(v.string()),
  /** Stable code of what is wrong. */
  code: v.optional(v.string()),
  /** While `preparing`: `done` of `total` in the stage's own steps. */
  progress: v.optional(v.object({ stage: v.string(), done: count, total: count })),
});
export type ModelStatus = v.InferOutput<typeof modelStatusSchema>;

export const modelListSchema = v.object({ models: v.array(modelStatusSchema) });
export type ModelList = v.InferOutput<typeof modelListSchema>;
