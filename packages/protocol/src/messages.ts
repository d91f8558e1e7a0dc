import * as v from 'valibot';
import { sha256Schema, tensorTypeSchema } from './manifest.js';

/**
 * The text messages of `cutpoint.v1`. Each is one JSON object with a `type`; tensor bytes follow an `infer` or a
 * `result` as binary chunk frames (see `chunk.ts`). Replies are matched by `id`, never by order.
 */

/** WebSocket subprotocol of this version. */
export const SUBPROTOCOL = 'cutpoint.v1';
/** Prefix of the second subprotocol that carries a token, since browsers cannot set headers on a WebSocket. */
export const BEARER_SUBPROTOCOL_PREFIX = 'bearer.';

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const ms = v.pipe(v.number(), v.finite(), v.minValue(0));
const factor = v.pipe(v.number(), v.finite(), v.minValue(0));
/** Chosen by the client, unique among its requests in flight on one connection. */
export const requestIdSchema = v.pipe(count, v.maxValue(0xffff_ffff));

/** One tensor of a payload. Payload bytes are the tensors' encoded bytes in the order of this list, without gaps. */
export const tensorHeaderSchema = v.object({
  name: v.string(),
  type: tensorTypeSchema,
  dims: v.array(count),
  /**
   * How the bytes are written: `raw` is the tensor's own little-endian bytes, `f16` its numbers in half precision, `u8` 8
   * bits a number with {@link scale} and {@link min}; `jpeg` and `webp` a picture `[h, w, 3]`.
   */
  codec: v.picklist(['raw', 'f16', 'u8', 'jpeg', 'webp']),
  /** The bytes that {@link codec} makes are compressed: DEFLATE (RFC 1951) without any wrapping. */
  deflated: v.optional(v.boolean()),
  /** Of `u8`, both f32 numbers: level q stands for `min + q * scale`. */
  scale: v.optional(v.pipe(v.number(), v.finite(), v.minValue(0))),
  min: v.optional(v.pipe(v.number(), v.finite())),
  /** As they travel. */
  numBytes: count,
});
export type TensorHeader = v.InferOutput<typeof tensorHeaderSchema>;

/** What an edge may read beyond raw tensors: the codecs of {@link tensorHeaderSchema}, and whether it inflates. */
export const TENSOR_CODECS = Object.freeze(['f16', 'u8', 'jpeg', 'webp', 'deflate'] as const);
export type TensorCodec = (typeof TENSOR_CODECS)[number];

/** What the edge says of its load. Times are predicted or measured ms, never a mere count. */
export const loadReportSchema = v.object({
  /** ms by the edge's own monotonic clock when this was true; only differences mean anything. */
  atMs: ms,
  /** Requests admitted and not yet running. */
  queueDepth: count,
  /** ms that a request arriving now would wait before its tail starts (q). */
  queueMs: ms,
  /** ms of predicted tail time a worker that was announced (`reserve`, `infer`) and is not here yet. */
  announcedMs: v.optional(ms),
  /** Share of its time that a worker spent on tails, in the mean of the last second or so: 0 idle, 1 always busy. */
  busy: v.optional(factor),
  /** ms that are left of the tail which a worker runs, in the mean of all moments of that time; 0 while it runs none. */
  residualMs: v.optional(ms),
  /** Tails running now. */
  inFlight: count,
  workers: count,
  /** Load factor k per model: measured ÷ profiled tail time of recent tails, 1 when idle. */
  k: v.record(v.string(), factor),
  /** The same with the wait for a worker in the measured time, as a server sees it that runs tails side by side. */
  kWithQueue: v.optional(v.record(v.string(), factor)),
  /** Connections that are told of this load. */
  clients: v.optional(count),
  /** 0..1 of the CPU this edge may use. */
  cpuUtilisation: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  /** 0..1, or `null` where there is no GPU that can be read. */
  gpuUtilisation: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
});
export type LoadReport = v.InferOutput<typeof loadReportSchema>;

/** Payload bytes of a `probe` at most. */
export const MAX_PROBE_BYTES = 65_536;

export const clientMessageSchema = v.variant('type', [
  v.object({
    /**
     * An `infer` with this id will follow: its place in the queue is held from now on. Never answered, and never refused;
     * what is wrong with it is told of the `infer`. `cancel` gives the place back.
     */
    type: v.literal('reserve'),
    id: requestIdSchema,
    model: v.string(),
    table: sha256Schema,
    cut: count,
  }),
  v.object({
    type: v.literal('infer'),
    id: requestIdSchema,
    model: v.string(),
    /** {@link Variant.table} of the manifest that the client holds; another one is answered `stale_manifest`. */
    table: sha256Schema,
    cut: count,
    tensors: v.array(tensorHeaderSchema),
    /** Sum of the tensors' `numBytes`. */
    numBytes: count,
    /** ms from now after which the reply is worthless. */
    deadlineMs: v.optional(ms),
  }),
  v.object({ type: v.literal('cancel'), id: requestIdSchema }),
  v.object({ type: v.literal('ping'), id: requestIdSchema }),
  v.object({
    type: v.literal('probe'),
    id: requestIdSchema,
    /** Chunks of so many bytes follow, whatever they hold: only when they arrive is looked at. */
    numBytes: v.pipe(count, v.minValue(1), v.maxValue(MAX_PROBE_BYTES)),
  }),
]);
export type ClientMessage = v.InferOutput<typeof clientMessageSchema>;
export type ReserveMessage = Extract<ClientMessage, { type: 'reserve' }>;
export type InferMessage = Extract<ClientMessage, { type: 'infer' }>;
export type ProbeMessage = Extract<ClientMessage, { type: 'probe' }>;

/** Stages at the edge, in order, in ms. `uploadMs` runs from the `infer` message to the last chunk. */
export const edgeTimingsSchema = v.object({
  uploadMs: ms,
  queueMs: ms,
  decodeMs: ms,
  tailMs: ms,
  encodeMs: ms,
  /** From the last chunk of the request to the moment the result is handed to the socket. */
  totalMs: ms,
});
export type EdgeTimings = v.InferOutput<typeof edgeTimingsSchema>;

/** Arrival of one transfer as the receiver's clock saw it: bytes after the first chunk, and the time they took. */
export const arrivalsSchema = v.object({ chunks: count, numBytes: count, spanMs: ms });
export type Arrivals = v.InferOutput<typeof arrivalsSchema>;

export const edgeMessageSchema = v.variant('type', [
  v.object({
    type: v.literal('welcome'),
    limits: v.object({
      /** Requests of one connection that may be unanswered at a time; the client holds more back itself. */
      maxInFlight: count,
      /** Payload bytes of one request. */
      maxRequestBytes: count,
      /** Payload bytes of one `probe`; absent where the edge knows none. */
      maxProbeBytes: v.optional(count),
    }),
    /** Those of {@link TENSOR_CODECS} that this edge reads, and perhaps others; absent means raw tensors only. */
    codecs: v.optional(v.array(v.string())),
    load: loadReportSchema,
  }),
  v.object({
    type: v.literal('result'),
    id: requestIdSchema,
    tensors: v.array(tensorHeaderSchema),
    numBytes: count,
    timings: edgeTimingsSchema,
    arrivals: arrivalsSchema,
    load: loadReportSchema,
  }),
  v.object({
    type: v.literal('error'),
    /** `null` when the error belongs to the connection, which the edge then closes. */
    id: v.nullable(requestIdSchema),
    code: v.string(),
    message: v.string(),
    load: v.optional(loadReportSchema),
  }),
  v.object({ type: v.literal('load'), load: loadReportSchema }),
  v.object({ type: v.literal('pong'), id: requestIdSchema }),
  v.object({
    type: v.literal('probed'),
    id: requestIdSchema,
    /** From the `probe` message to its last chunk, by the edge's clock. */
    uploadMs: ms,
    arrivals: arrivalsSchema,
  }),
]);
export type EdgeMessage = v.InferOutput<typeof edgeMessageSchema>;
export type ResultMessage = Extract<EdgeMessage, { type: 'result' }>;
export type ProbedMessage = Extract<EdgeMessage, { type: 'probed' }>;
