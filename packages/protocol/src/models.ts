import { count, flag, list, type Output, object, oneOf, optional, text } from './schema.js';

export const modelStatusSchema = object({
  name: text,
  version: text,
  description: text,
  /**
   * Only a `ready` model has a manifest. `on-demand`: the first request for its manifest starts preparing it. `missing`: its
   * files are not on the edge.
   */
  status: oneOf(['on-demand', 'preparing', 'ready', 'missing', 'failed']),
  /** `true` for a network with random weights: its times are real, its answers mean nothing. */
  untrained: optional(flag),
  /** In plain words, what is the matter and what to do; absent when ready. */
  reason: optional(text),
  /** Stable code of what is wrong. */
  code: optional(text),
  /** While `preparing`: `done` of `total` in the stage's own steps. */
  progress: optional(object({ stage: text, done: count, total: count })),
});
/** One model of `GET /v1/models`. @useDeclaredType */
export type ModelStatus = Output<typeof modelStatusSchema>;

export const modelListSchema = object({
  models: list(modelStatusSchema),
  /** `true` where the edge was started for demonstration, and lets its clients load it and slow it down. */
  demo: optional(flag),
});
/** What `GET /v1/models` answers. @useDeclaredType */
export type ModelList = Output<typeof modelListSchema>;
