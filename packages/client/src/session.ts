// Apps may compile for platforms without `await using`: the declarations bring its names along.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Codec, DecisionInput, Objective, Plan, PolicyName } from '@cutpoint/partition';
import type { Arrivals, EdgeTimings, LoadReport, Manifest } from '@cutpoint/protocol';
import type { Tensor } from 'onnxruntime-common';
import type { CutpointError } from './errors.js';
import type { FrameSource, StreamOptions, StreamResult } from './stream.js';

/** Where heads run, and why there. */
export interface DeviceChoice {
  readonly kind: 'webgpu' | 'wasm';
  /** onnxruntime-web build in use. */
  readonly build: 'jspi' | 'asyncify' | 'wasm';
  readonly threads: number;
  /** Description of the graphics adapter where there is one, in use or not. */
  readonly adapter?: string;
  /** In plain words, for the page. */
  readonly reason: string;
  /** What the choice rests on; absent where it rests on what the browser has, or on what the app asked for. */
  readonly measured?: DeviceMeasurement;
  /** Absent where the page is cross-origin isolated; else the threads that WASM could have there, and the same in words. */
  readonly notIsolated?: { readonly threads: number; readonly words: string };
}

/** One way to run heads. */
export interface DeviceCandidate {
  readonly kind: 'webgpu' | 'wasm';
  readonly threads: number;
  /** Of one run of the head with its outputs read back, the median; absent where it failed or took too long to start. */
  readonly ms?: number;
}

/** One head, timed in every way in which this device can run it. */
export interface DeviceMeasurement {
  readonly candidates: readonly DeviceCandidate[];
  /** By the clock on the wall, as `Date.now()`. */
  readonly atMs: number;
  /** In a few words. */
  readonly head: string;
  readonly headFlops: number;
  /** Version of onnxruntime-web. */
  readonly ort: string;
  /** At an earlier visit. */
  readonly remembered: boolean;
}

/** Bytes that arrived of bytes that will be needed. */
export interface Progress {
  /** `rescue`: weights that nothing runs with yet, see {@link ConnectOptions.rescue}; counted apart from `weights`. */
  readonly stage: 'manifest' | 'runtime' | 'weights' | 'session' | 'rescue';
  readonly loadedBytes: number;
  /** 0 when unknown. */
  readonly totalBytes: number;
  /** In a few words, where there is more to say: what the edge is doing with the model, for instance. */
  readonly detail?: string;
}

/** Pacing of the client's own transport, to try out a slow network. Real delays, real queues. */
export interface LinkShape {
  /** 125 is 1 Mbit/s. As fast as the network is, when absent. */
  readonly uplinkBytesPerMs?: number;
  readonly downlinkBytesPerMs?: number;
  /** Added to the network's own, half of it each way. */
  readonly roundTripMs?: number;
  /**
   * No network at all: the socket is closed, every try to open one fails, and nothing more is fetched, until another shape is
   * given.
   */
  readonly offline?: boolean;
}

/** Where an edge is, absolute or relative to the page. */
export type EdgeAddress = string | URL;

/** What an app asks for beyond speed; what is left out is not asked for, or has its value in {@link DEFAULT_CONNECT_OPTIONS}. */
export interface SessionConstraints {
  /**
   * Most that the codec of crossing tensors may cost in accuracy, 0..1: the share of top-1 answers that change for
   * classifiers and text recognisers, else the relative error of the outputs (root mean square error over their range). The edge
   * measures it per cut and codec when it prepares the model; see `docs/protocol.md`. Default 0 for `run`, whose outputs
   * are then those of the whole network; for `runImage` what the picture itself loses as a JPEG or WebP, at least 0.01, and of a
   * text recogniser 0.005, which as a JPEG reads one line in twelve with a letter or a space less.
   */
  readonly maxAccuracyDrop?: number;
  /** Neither the input leaves the page nor what only casts and resizes made of it. Default false. */
  readonly keepInputOnDevice?: boolean;
  /** Mean of what inferences may send; none is refused for it, later ones pay what one sent too much. */
  readonly maxUplinkBytesPerSecond?: number;
  /**
   * Whatever crosses travels by one of these; what has no such way to the edge runs in the page. Absent means by any that
   * {@link maxAccuracyDrop} allows.
   */
  readonly codecs?: readonly Codec[];
  /** {@link RunOptions.deadlineMs} of every inference that brings none of its own. */
  readonly deadlineMs?: number;
}

/** What is left out has its value in {@link DEFAULT_CONNECT_OPTIONS}, or is off. */
export interface ConnectOptions extends SessionConstraints {
  /** Name under which the edge serves it. */
  readonly model: string;
  /** How cuts are chosen. Default `cutpoint`; the others are there to compare with. */
  readonly policy?: PolicyName;
  /**
   * Default `auto`: what was faster when a head was timed on both, at an earlier visit or meanwhile; until then WebGPU when
   * there is an adapter that can run the model, WASM otherwise. Nothing is timed when one of the two is asked for.
   */
  readonly device?: 'auto' | 'webgpu' | 'wasm';
  /** For an edge that wants one: sent as `Authorization: Bearer` over HTTP and as a subprotocol of the WebSocket. */
  readonly token?: string;
  /**
   * Most bytes of weights that the session downloads, those for {@link rescue} included. What the browser kept from an
   * earlier visit is free. Heads that need more are not prepared (`not-ready` among the candidates of a plan), unless a
   * cut is forced or nothing else can run. Sessions that share a connection count each other's. Default `Infinity`; 0
   * where the browser says that its user wants to save data (`navigator.connection.saveData`).
   */
  readonly maxWeightBytes?: number;
  /**
   * `idle`: once the decision wishes for nothing more and nothing runs, the rest of the weights is fetched at low priority,
   * pack by pack, and then onnxruntime-web, so that the page can finish alone what the edge does not. `off`: nothing is
   * fetched for that; what happens to be here still serves. Default `idle`; `off` where the browser says that the link
   * is metered or slow (`saveData`, `cellular`, `3g` or less).
   */
  readonly rescue?: 'idle' | 'off';
  /** Default `latency`. `throughput` is for a stream of inferences: the slowest stage counts, not the sum. */
  readonly objective?: Objective;
  /**
   * Shares the connection, the runtime and the link estimate of another open session to the same edge, with the `device` and the
   * `token` which that was connected with. Nothing is shared with a session to an edge that is not among the addresses.
   */
  readonly share?: Session;
  /** A slower network than there is, to try the app out with; see {@link Session.setShape}. */
  readonly shape?: LinkShape;
  /** Hears the `progress` events, those before there is a session too. */
  readonly onProgress?: (progress: Progress) => void;
  /** Hears the `warning` events, those before there is a session too. */
  readonly onWarning?: (warning: CutpointError) => void;
  /** Gives up connecting; a session that is connected is ended by `close`. */
  readonly signal?: AbortSignal;
}

/** Of one inference. */
export interface RunOptions {
  /** Rejects this run with `aborted`, and takes back what of it has not begun. */
  readonly signal?: AbortSignal;
  /** Cut id to use whatever the policy says; nearest listed one. The run waits until its head is built. */
  readonly cut?: number;
  /** With {@link cut}: how the crossing tensors travel, where that cut has such an arm and `maxAccuracyDrop` allows it. */
  readonly codec?: Codec;
  /**
   * The result is worthless so many ms after the call: the run rejects with `deadline_exceeded` then, whatever it is at.
   * The decision prefers what will very likely be in time to what is faster in the mean.
   */
  readonly deadlineMs?: number;
  /**
   * The app's own span, in the words of W3C Trace Context, as OpenTelemetry's `propagation.inject` gives it: what the edge does for
   * this run is traced below it, where the edge traces. Without it nothing is made up.
   */
  readonly traceparent?: string | undefined;
}

/**
 * Outputs that are asked for, as onnxruntime takes them: names, or an object with `null` or a tensor for each, into which the output
 * is written.
 */
export type Fetches = readonly string[] | Readonly<Record<string, Tensor | null>>;

/** What one inference was, measured stage by stage. Stages that did not happen are 0; together they are `totalMs`. */
export interface Trace {
  readonly id: number;
  readonly model: string;
  readonly variant: string;
  /**
   * What was decided; absent where nothing was: the first inferences of a session are sent to the edge whole, before what
   * decides is loaded.
   */
  readonly plan?: Plan;
  /** The cut that really ran; differs from the plan's when the edge failed and the page finished alone. */
  readonly cut: number;
  /** How the crossing tensors travelled; `f32` when nothing crossed. */
  readonly codec: Codec;
  readonly startedAtMs: number;
  /** What {@link RunOptions.traceparent} was. */
  readonly traceparent?: string | undefined;
  /**
   * The edge died, refused, or would have been too late, and the page finished it: `tail` ran the tail of {@link cut} from
   * what was to be sent (its time is `tailMs`), `feeds` the whole network from the start ({@link cut} is the local one).
   * What was spent on the edge is in `otherMs`, and `bytesUp` is what it was to be sent.
   */
  readonly rescued?: 'tail' | 'feeds';
  /** Decoding and resizing of the picture; 0 for tensors. */
  readonly resizeMs: number;
  /** Until the workers of this page that it needed had done what other inferences asked of them. */
  readonly waitMs: number;
  /** Until the outputs were there, or until the GPU had finished where they stay on it to be encoded. */
  readonly headMs: number;
  /** With the read-back of what was encoded on the GPU. */
  readonly encodeMs: number;
  readonly uploadMs: number;
  readonly queueMs: number;
  /** At the edge, of what crossed. */
  readonly decodeMs: number;
  readonly tailMs: number;
  readonly downloadMs: number;
  /** Round trip, framing and whatever the other stages do not explain. */
  readonly otherMs: number;
  readonly totalMs: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Address of the edge that ran the tail; absent when the page did it all. */
  readonly edgeUrl?: string;
  readonly edge?: EdgeTimings;
  readonly arrivals?: Arrivals;
}

/** `offline`: the edge cannot be reached and the session tries again by itself. */
export type SessionState = 'online' | 'offline' | 'closed';

/** What {@link Session.on} tells of, by name. */
export interface SessionEvents {
  /** The arm or its cause changed. */
  decision: Plan;
  /** A decision was taken, for an inference: the same arm as before or not. `input` is all that it depended on. */
  decided: { variant: string; plan: Plan; input: DecisionInput };
  /** An inference ended with a result. */
  trace: Trace;
  /** The edge said how busy it is. */
  load: LoadReport;
  /** Rates as the last transfers with that edge showed them, with the ms since then; absent until there was one. */
  link: {
    edgeUrl: string;
    uplinkBytesPerMs?: number;
    uplinkAgeMs?: number;
    downlinkBytesPerMs?: number;
    downlinkAgeMs?: number;
    fixedMs?: number;
  };
  /** Something that later inferences need is on its way. */
  progress: Progress;
  /** The connection to the edge came, went, or was closed; or another edge is turned to. */
  state: { state: SessionState; reason: string; edgeUrl: string; retryInMs?: number };
  /**
   * Inferences do without something, for which the error says why: `other_model` of an edge that is not turned to,
   * `runtime_failed` where nothing in this page can run heads, so that all is left to the edge. Each is told once.
   */
  warning: CutpointError;
  /** It was chosen where heads run, they run elsewhere from now on, or it was measured that they run at the right place. */
  device: DeviceChoice;
}

/** Where the picture ended up inside the network's input, for drawing results back onto it. */
export interface Placement {
  /** Picture pixels = (input pixels - offset) / scale, per axis. */
  readonly scaleX: number;
  readonly scaleY: number;
  readonly offsetX: number;
  readonly offsetY: number;
  readonly inputWidth: number;
  readonly inputHeight: number;
}

/** The answer for one picture, in the model's own terms: {@link Manifest}.task says what its outputs mean. */
export interface ImageResult {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly placement: Placement;
  readonly trace: Trace;
}

/** Anything that the browser can draw, or raw RGBA pixels. */
export type ImageSource =
  | Blob
  | ImageBitmap
  | ImageData
  | HTMLImageElement
  | HTMLCanvasElement
  | HTMLVideoElement
  | OffscreenCanvas;

/** One model at one edge, as {@link connect} gives it. */
export interface Session extends AsyncDisposable {
  readonly manifest: Manifest;
  /**
   * Where heads run now; `undefined` until that is chosen, and `reason` says it where nothing here can run any. The `device` event
   * says when it changes.
   */
  readonly device: DeviceChoice | undefined;
  readonly state: SessionState;
  /** Address of the edge in use; the `state` event says when that changes. */
  readonly edgeUrl: string;
  /** Of the model's own graph, as `ort.InferenceSession` has them. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * onnxruntime's `run`: the model's own inputs to the model's own outputs. Takes tensors of onnxruntime-web and of
   * onnxruntime-common whose data is on the CPU; leave it unchanged until the run has settled. When the edge goes away
   * meanwhile, or would be late for the deadline, the run finishes here if it can (see {@link ConnectOptions.rescue}), else
   * waits for the edge until the deadline (15 s without one). A tail that fails there is tried once more, then finished
   * here if it can be, else the run rejects.
   * @throws CutpointError `bad_feeds`, `shape_not_served`, `edge_unreachable`, `overloaded`, `deadline_exceeded`,
   *   `stale_manifest`, `runtime_failed`, `edge_error`, `aborted`, `closed`
   */
  run(feeds: Readonly<Record<string, Tensor>>, options?: RunOptions): Promise<Record<string, Tensor>>;
  /**
   * With onnxruntime's fetches: only those outputs are given. All of them are computed, whatever is asked for, and sent back where the edge runs the tail.
   * @throws CutpointError `bad_fetches`, and what `run` throws
   */
  run(feeds: Readonly<Record<string, Tensor>>, fetches: Fetches, options?: RunOptions): Promise<Record<string, Tensor>>;
  /**
   * The pixel variant: resizes once to the best served size, and runs.
   * @throws CutpointError `bad_image`, `no_image_input`, and what {@link run} throws
   */
  runImage(image: ImageSource, options?: RunOptions): Promise<ImageResult>;
  /**
   * {@link runImage} for the frames of a camera or a video: head, upload and tail of successive frames overlap, decisions
   * are for throughput, and the newest frame wins when there is no room. Leave the loop, or abort, to end it.
   *
   * ```ts
   * for await (const { result } of session.stream(frames, { signal })) draw(result.outputs);
   * ```
   * @param source frames that stay as they are until their result is there, or {@link StreamOptions.onDrop} tells
   * @throws CutpointError `aborted`, `closed`; what {@link runImage} throws, unless `onError` is given
   */
  stream(source: FrameSource<ImageSource>, options?: StreamOptions): AsyncGenerator<StreamResult<ImageResult>, void>;
  /**
   * Loads now what decides and runs heads, which otherwise begins after the first inference (or a second after there was
   * none).
   * @returns where heads run; where nothing here can, its `reason` says so
   * @throws CutpointError `runtime_unavailable`, `closed`
   */
  ready(): Promise<DeviceChoice>;
  /** What would be decided now for the variant last used, every arm with its terms; `undefined` before the first run. */
  explain(): Plan | undefined;
  /** For all inferences from now on. */
  setPolicy(policy: PolicyName): void;
  /** For all inferences from now on, in place of those that {@link connect} was given: what is left out is not asked for any more. */
  setConstraints(constraints: SessionConstraints): void;
  /** Forces one cut for every inference until `undefined` is given; of its codecs that one, or the fastest. */
  forceCut(cut: number | undefined, codec?: Codec): void;
  /** Paces the connection, for every session that shares it; `undefined` ends that. */
  setShape(shape: LinkShape | undefined): void;
  /** Calls `listener` on every event of the kind; returns its unsubscribe. */
  on<K extends keyof SessionEvents>(event: K, listener: (value: SessionEvents[K]) => void): () => void;
  /** Ends the session: runs that have not settled reject with `closed`. `await using` does it at the end of a block. */
  close(): Promise<void>;
  /** onnxruntime's name for {@link close}. */
  release(): Promise<void>;
}
