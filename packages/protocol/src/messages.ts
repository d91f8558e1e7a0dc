import { tensorTypeSchema } from './manifest.js';
import {
  count,
  countWithin,
  finite,
  flag,
  list,
  mapOf,
  nullable,
  type Output,
  object,
  oneOf,
  optional,
  orAbsent,
  quantity,
  sha256Schema,
  share,
  tagged,
  text,
  textUpTo,
} from './schema.js';

/**
 * The text messages of `cutpoint.v1`. Each is one JSON object with a `type`; tensor bytes follow an `infer` or a
 * `result` as binary chunk frames (see `chunk.ts`). Replies are matched by `id`, never by order.
 */

/** WebSocket subprotocol of this version. */
export const SUBPROTOCOL = 'cutpoint.v1';
/** Prefix of the second subprotocol that carries a token, since browsers cannot set headers on a WebSocket. */
export const BEARER_SUBPROTOCOL_PREFIX = 'bearer.';

/** Chosen by the client, unique among its requests in flight on one connection. */
export const requestIdSchema = countWithin(0, 0xffff_ffff);

/** One tensor of a payload. Payload bytes are the tensors' encoded bytes in the order of this list, without gaps. */
export const tensorHeaderSchema = object({
  name: text,
  type: tensorTypeSchema,
  dims: list(count),
  /**
   * How the bytes are written: `raw` is the tensor's own little-endian bytes, `f16` its numbers in half precision, `u8` 8
   * bits a number with {@link scale} and {@link min}; `jpeg` and `webp` a picture `[h, w, 3]`.
   */
  codec: oneOf(['raw', 'f16', 'u8', 'jpeg', 'webp']),
  /** The bytes that {@link codec} makes are compressed: DEFLATE (RFC 1951) without any wrapping. */
  deflated: optional(flag),
  /** Of `u8`, both f32 numbers: level q stands for `min + q * scale`. */
  scale: optional(quantity),
  min: optional(finite),
  /** As they travel. */
  numBytes: count,
});
export type TensorHeader = Output<typeof tensorHeaderSchema>;

/** What an edge may read beyond raw tensors: the codecs of {@link tensorHeaderSchema}, and whether it inflates. */
export const TENSOR_CODECS = Object.freeze(['f16', 'u8', 'jpeg', 'webp', 'deflate'] as const);
export type TensorCodec = (typeof TENSOR_CODECS)[number];

export const loadReportSchema = object({
  /** ms by the edge's own monotonic clock when this was true; only differences mean anything. */
  atMs: quantity,
  /** Requests admitted and not yet running. */
  queueDepth: count,
  /** ms that a request arriving now would wait before its tail starts (q). */
  queueMs: quantity,
  /** ms of predicted tail time a worker that was announced (`reserve`, `infer`) and is not here yet. */
  announcedMs: optional(quantity),
  /** Share of its time that a worker spent on tails, in the mean of the last second or so: 0 idle, 1 always busy. */
  busy: optional(quantity),
  /** ms that are left of the tail which a worker runs, in the mean of all moments of that time; 0 while it runs none. */
  residualMs: optional(quantity),
  /** Tails running now. */
  inFlight: count,
  workers: count,
  /** Load factor k per model: measured ÷ profiled tail time of recent tails, 1 when idle. */
  k: mapOf(quantity),
  /** The same with the wait for a worker in the measured time, as a server sees it that runs tails side by side. */
  kWithQueue: optional(mapOf(quantity)),
  /** Connections that are told of this load. */
  clients: optional(count),
  /** 0..1 of the CPU this edge may use. */
  cpuUtilisation: share,
  /** 0..1, or `null` where there is no GPU that can be read. */
  gpuUtilisation: nullable(share),
  /** 0..1 of its memory in use. */
  gpuMemory: optional(nullable(share)),
  /** Resident memory of the edge's process. */
  residentBytes: optional(count),
  /** In the last seconds 99 % of the edge's timers were at most so much late. */
  eventLoopDelayMs: optional(quantity),
});
/** What the edge says of its load. Times are predicted or measured ms, never a mere count. @useDeclaredType */
export type LoadReport = Output<typeof loadReportSchema>;

/** Payload bytes of a `probe` at most. */
export const MAX_PROBE_BYTES = 65_536;

/** Version 00 of Trace Context has 55; later ones may have more. */
const MAX_TRACEPARENT_LENGTH = 256;

export const clientMessageSchema = tagged({
  /**
   * An `infer` with this id will follow: its place in the queue is held from now on. Never answered, and never refused;
   * what is wrong with it is told of the `infer`. `cancel` gives the place back.
   */
  reserve: { id: requestIdSchema, model: text, table: sha256Schema, cut: count },
  infer: {
    id: requestIdSchema,
    model: text,
    /** {@link Variant.table} of the manifest that the client holds; another one is answered `stale_manifest`. */
    table: sha256Schema,
    cut: count,
    tensors: list(tensorHeaderSchema),
    /** Sum of the tensors' `numBytes`. */
    numBytes: count,
    /** ms from now after which the reply is worthless. */
    deadlineMs: optional(quantity),
    /** The span that this inference belongs to, as W3C Trace Context writes it. What is no such text is as if it were absent. */
    traceparent: orAbsent(textUpTo(MAX_TRACEPARENT_LENGTH)),
  },
  cancel: { id: requestIdSchema },
  ping: { id: requestIdSchema },
  probe: {
    id: requestIdSchema,
    /** Chunks of so many bytes follow, whatever they hold: only when they arrive is looked at. */
    numBytes: countWithin(1, MAX_PROBE_BYTES),
  },
});
export type ClientMessage = Output<typeof clientMessageSchema>;
export type ReserveMessage = Extract<ClientMessage, { type: 'reserve' }>;
export type InferMessage = Extract<ClientMessage, { type: 'infer' }>;
export type ProbeMessage = Extract<ClientMessage, { type: 'probe' }>;

export const edgeTimingsSchema = object({
  uploadMs: quantity,
  queueMs: quantity,
  decodeMs: quantity,
  tailMs: quantity,
  encodeMs: quantity,
  /** From the last chunk of the request to the moment the result is handed to the socket. */
  totalMs: quantity,
});
/** Stages at the edge, in order, in ms. `uploadMs` runs from the `infer` message to the last chunk. @useDeclaredType */
export type EdgeTimings = Output<typeof edgeTimingsSchema>;

export const arrivalsSchema = object({ chunks: count, numBytes: count, spanMs: quantity });
/** Arrival of one transfer as the receiver's clock saw it: bytes after the first chunk, and the time they took. @useDeclaredType */
export type Arrivals = Output<typeof arrivalsSchema>;

export const edgeMessageSchema = tagged({
  welcome: {
    limits: object({
      /** Requests of one connection that may be unanswered at a time; the client holds more back itself. */
      maxInFlight: count,
      /** Payload bytes of one request. */
      maxRequestBytes: count,
      /** Payload bytes of one `probe`; absent where the edge knows none. */
      maxProbeBytes: optional(count),
    }),
    /** Those of {@link TENSOR_CODECS} that this edge reads, and perhaps others; absent means raw tensors only. */
    codecs: optional(list(text)),
    load: loadReportSchema,
  },
  result: {
    id: requestIdSchema,
    tensors: list(tensorHeaderSchema),
    numBytes: count,
    timings: edgeTimingsSchema,
    arrivals: arrivalsSchema,
    /** The edge has a newer version of the model: its manifest should be fetched before this one is refused as `stale_manifest`. */
    stale: optional(flag),
    load: loadReportSchema,
  },
  error: {
    /** `null` when the error belongs to the connection, which the edge then closes. */
    id: nullable(requestIdSchema),
    code: text,
    message: text,
    load: optional(loadReportSchema),
    /** Of `overloaded`: ms after which the same request is likely to be taken. */
    retryAfterMs: optional(quantity),
  },
  load: { load: loadReportSchema },
  pong: { id: requestIdSchema },
  probed: {
    id: requestIdSchema,
    /** From the `probe` message to its last chunk, by the edge's clock. */
    uploadMs: quantity,
    arrivals: arrivalsSchema,
  },
});
export type EdgeMessage = Output<typeof edgeMessageSchema>;
export type ResultMessage = Extract<EdgeMessage, { type: 'result' }>;
export type ProbedMessage = Extract<EdgeMessage, { type: 'probed' }>;
