import { type BenchmarkNetworkName, benchmarkNetworks, isBenchmarkNetworkName } from '@cutpoint/onnx';
import * as v from 'valibot';

/** `models/<name>/config.json`: where a model comes from and how it is served. */

const rgb = v.tuple([v.number(), v.number(), v.number()]);
const size = v.pipe(v.number(), v.integer(), v.minValue(1));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/**
 * A file (relative paths start at the config's folder), a file inside an npm package (`npm: "name@1.2.3"`), or an https
 * address pinned by its hash.
 */
const fileSources = [
  v.strictObject({ file: v.string(), sha256: v.optional(sha256) }),
  v.strictObject({ npm: v.string(), path: v.string(), sha256: v.optional(sha256) }),
  v.strictObject({ https: v.pipe(v.string(), v.startsWith('https://')), sha256 }),
] as const;
const fileSourceSchema = v.union(fileSources, 'expected {"file"}, {"npm", "path"} or {"https", "sha256"}');

/** Or one of the benchmark networks, untrained, which the edge builds itself. */
const networkSourceSchema = v.strictObject({
  network: v.custom<BenchmarkNetworkName>((name) => typeof name === 'string' && isBenchmarkNetworkName(name)),
});
const sourceSchema = v.union(
  [...fileSources, networkSourceSchema],
  `expected {"file"}, {"npm", "path"}, {"https", "sha256"} or {"network"}, one of ${Object.keys(benchmarkNetworks).join(', ')}`,
);
export type Source = v.InferOutput<typeof sourceSchema>;

/** How `u8 [h, w, 3]` RGB pixels become the model's own input, as nodes put before the network. */
const pixelsSchema = v.strictObject({
  /** The graph input that takes the picture, `[1, 3, h, w]`. */
  input: v.string(),
  channels: v.picklist(['rgb', 'bgr']),
  /** Per channel in the model's own channel order: (value - mean) / std, with values 0..255. */
  mean: rgb,
  std: rgb,
  /** Served sizes `[height, width]`, smallest first. */
  sizes: v.pipe(v.array(v.tuple([size, size])), v.minLength(1)),
  fit: v.picklist(['contain', 'cover', 'stretch']),
  pad: v.optional(rgb, [0, 0, 0]),
});

/** Nodes put after the network in the pixel variant, so that no reply carries a megabyte of logits. */
const postSchema = v.variant('type', [
  /** The k best classes. `softmax` is for graphs whose output is logits. */
  v.strictObject({ type: v.literal('top-k'), output: v.string(), k: size, softmax: v.boolean() }),
  /** The best class of each time step of `[1, t, classes]`. */
  v.strictObject({ type: v.literal('ctc-greedy'), output: v.string() }),
  /** A probability map `[1, 1, h, w]`, averaged over `stride` x `stride` and sent as u8. */
  v.strictObject({ type: v.literal('text-map'), output: v.string(), stride: size }),
]);

export const modelConfigSchema = v.strictObject({
  description: v.string(),
  source: sourceSchema,
  /** Prepared when somebody first asks for it, and not when the edge starts. */
  onDemand: v.optional(v.boolean()),
  /** Served dimensions of inputs with dynamic ones, one entry per bucket: `{"x": [[1, 3, 640, 640]]}`. */
  dims: v.optional(v.array(v.record(v.string(), v.array(v.pipe(v.number(), v.integer(), v.minValue(0))))), []),
  pixels: v.optional(pixelsSchema),
  post: v.optional(postSchema),
  /** One label a line; `before` and `after` are put around them (CTC: index 0 is blank, the last may be a space). */
  labels: v.optional(
    v.strictObject({
      source: fileSourceSchema,
      /** Words to leave out at the start of every line, such as the WordNet id of an ImageNet list. */
      skipWords: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
      before: v.optional(v.array(v.string()), []),
      after: v.optional(v.array(v.string()), []),
    }),
  ),
});
export type ModelConfig = v.InferOutput<typeof modelConfigSchema>;
