/** What went wrong, as a word that code can branch on. Stable: a code is never renamed. */
export type ErrorCode =
  /** The edge serves no model of that name; the message lists what it serves. */
  | 'unknown_model'
  /** The edge could not prepare the model; the message says why. */
  | 'model_not_ready'
  /** The edge did not answer, or the connection broke and did not come back in time. */
  | 'edge_unreachable'
  /** The edge wants a token, or another one. */
  | 'unauthorised'
  /** The edge serves another version of the model, without the size that was asked for; connect again. */
  | 'stale_manifest'
  /** Of several edges, one serves another model under the name; it is not turned to. */
  | 'other_model'
  /** The edge sent something that is not what this client understands. */
  | 'bad_manifest'
  /** Weights that arrived are not those that their hash names. */
  | 'bad_weights'
  /** The signal of the caller was aborted. */
  | 'aborted'
  /** The session was closed. */
  | 'closed'
  /** Feeds that do not fit the model's inputs: a name, a type or a length. */
  | 'bad_feeds'
  /** An output that the model has not, or a tensor for one that does not fit it. */
  | 'bad_fetches'
  /** Dimensions that are not served; the message lists those that are. */
  | 'shape_not_served'
  /** The model takes no pictures: use `run`. */
  | 'no_image_input'
  /** The picture is empty or cannot be decoded. */
  | 'bad_image'
  /** The edge is full; try again later. */
  | 'overloaded'
  /** No result before `deadlineMs`. */
  | 'deadline_exceeded'
  /** onnxruntime-web could not be fetched or started; it is tried again by itself. */
  | 'runtime_unavailable'
  /** onnxruntime-web could not build or run the head. */
  | 'runtime_failed'
  /** Any other refusal of the edge; {@link CutpointError.edgeCode} is its own word for it. */
  | 'edge_error';

export interface CutpointErrorOptions {
  readonly cause?: unknown;
  readonly edgeCode?: string;
}

/** Every error that this package throws or rejects with. */
export class CutpointError extends Error {
  readonly code: ErrorCode;
  /** The edge's own code, when the edge refused. */
  readonly edgeCode: string | undefined;

  constructor(code: ErrorCode, message: string, options: CutpointErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    // What the platform calls an aborted operation, so that generic handlers recognise it.
    this.name = code === 'aborted' ? 'AbortError' : 'CutpointError';
    this.code = code;
    this.edgeCode = options.edgeCode;
  }

  /** @internal */
  static aborted(signal?: AbortSignal): CutpointError {
    return new CutpointError('aborted', 'The caller aborted.', { cause: signal?.reason });
  }

  /** @internal */
  static closed(what = 'session'): CutpointError {
    return new CutpointError('closed', `This ${what} is closed; connect again.`);
  }

  /** Gives an error of the edge its place among ours. @internal */
  static fromEdge(edgeCode: string, message: string): CutpointError {
    const code = EDGE_CODES[edgeCode] ?? 'edge_error';
    return new CutpointError(code, message, { edgeCode });
  }
}

const EDGE_CODES: Readonly<Record<string, ErrorCode>> = {
  overloaded: 'overloaded',
  too_many_in_flight: 'overloaded',
  stale_manifest: 'stale_manifest',
  unknown_cut: 'stale_manifest',
  unknown_model: 'unknown_model',
  model_not_ready: 'model_not_ready',
  deadline_exceeded: 'deadline_exceeded',
  shutting_down: 'edge_unreachable',
  unauthorised: 'unauthorised',
};

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Throws when the signal is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw CutpointError.aborted(signal);
}

/** Settles with `promise`, or rejects as soon as the signal is aborted. The work behind `promise` is not stopped. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(CutpointError.aborted(signal));
  }
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(CutpointError.aborted(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
