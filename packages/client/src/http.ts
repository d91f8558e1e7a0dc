import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { CutpointError, messageOf } from './errors.js';

/** A small document that takes longer than this is not coming. */
export const DOCUMENT_TIMEOUT_MS = 15_000;

/** Reads from one edge over HTTP. */
export class EdgeHttp {
  /** Why nothing can be fetched: there is no network, see {@link LinkShape.offline}. What is under way breaks off. */
  #cutOff = new AbortController();
  readonly #token: string | undefined;
  readonly #headers: Record<string, string>;
  readonly clock: Clock;
  #baseUrl: URL;

  constructor(baseUrl: URL, token: string | undefined, clock: Clock = SYSTEM_CLOCK) {
    this.#baseUrl = baseUrl;
    this.#token = token;
    this.clock = clock;
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  /** As if the network were gone, or there again. */
  setOffline(offline: boolean): void {
    if (offline) this.#cutOff.abort(new Error('the link was taken away'));
    else if (this.#cutOff.signal.aborted) this.#cutOff = new AbortController();
  }

  get baseUrl(): URL {
    return this.#baseUrl;
  }

  /** Asks another edge from now on. What is named by its hash is the same there. */
  moveTo(baseUrl: URL): void {
    this.#baseUrl = baseUrl;
  }

  /** The same for another edge. */
  at(baseUrl: URL): EdgeHttp {
    const other = new EdgeHttp(baseUrl, this.#token, this.clock);
    other.#cutOff = this.#cutOff;
    return other;
  }

  /** @returns the parsed JSON of a 2xx answer, else the status with the edge's error. */
  async json(path: string, signal: AbortSignal | undefined): Promise<{ status: number; body: unknown }> {
    const timeout = new AbortController();
    const cancel = this.clock.after(DOCUMENT_TIMEOUT_MS, () => timeout.abort(tooSlow(DOCUMENT_TIMEOUT_MS)));
    try {
      const ends = this.endsOf(timeout, signal);
      const response = await this.fetch(path, ends, signal);
      return await this.#parse(path, response, ends, signal);
    } finally {
      cancel();
    }
  }

  async #parse(
    path: string,
    response: Response,
    ends: AbortSignal,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; body: unknown }> {
    try {
      return { status: response.status, body: await response.json() };
    } catch (cause) {
      if (signal?.aborted) throw CutpointError.aborted(signal);
      if (ends.aborted) throw this.unreachable(path, cause);
      // Whatever stands between may answer in HTML.
      return { status: response.status, body: undefined };
    }
  }

  /** Of a request, however it ends: by this timeout, its caller, or the network's absence. */
  endsOf(timeout: AbortController, signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([timeout.signal, this.#cutOff.signal, ...(signal ? [signal] : [])]);
  }

  /** @throws CutpointError `edge_unreachable`, `aborted` */
  async fetch(
    path: string,
    signal: AbortSignal,
    callers: AbortSignal | undefined,
    { headers, ...init }: Pick<RequestInit, 'priority'> & { readonly headers?: Record<string, string> } = {},
  ): Promise<Response> {
    try {
      return await fetch(new URL(path, this.baseUrl), { ...init, headers: { ...this.#headers, ...headers }, signal });
    } catch (cause) {
      if (callers?.aborted) throw CutpointError.aborted(callers);
      throw this.unreachable(path, cause);
    }
  }

  unreachable(path: string, cause: unknown): CutpointError {
    const url = new URL(path, this.baseUrl);
    return new CutpointError('edge_unreachable', `The edge did not answer at ${url.href}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

export function tooSlow(limitMs: number): Error {
  return new Error(`nothing came within ${limitMs / 1000} s`);
}

interface EdgeErrorBody {
  readonly code: string;
  readonly message: string;
}

/** The edge's error object, wherever its code and message stand in the body. */
export function edgeErrorOf(body: unknown): EdgeErrorBody | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  if ('error' in body && typeof body.error === 'object') return edgeErrorOf(body.error);
  if (!('code' in body) || typeof body.code !== 'string') return undefined;
  return { code: body.code, message: 'message' in body && typeof body.message === 'string' ? body.message : body.code };
}

export function refusal(status: number, error: EdgeErrorBody | undefined, path: string): CutpointError {
  if (status === 401) {
    return new CutpointError('unauthorised', `The edge refuses ${path}: pass a valid \`token\` to connect.`);
  }
  if (error) return CutpointError.fromEdge(error.code, error.message);
  return new CutpointError('edge_error', `The edge answered ${status} to ${path}.`);
}
