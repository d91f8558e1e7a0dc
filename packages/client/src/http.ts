import { type Clock, SYSTEM_CLOCK } from './clock.js';
import { CutpointError, messageOf } from './errors.js';

/** A small document that takes longer than this is not coming. */
export const DOCUMENT_TIMEOUT_MS = 15_000;
/** Weights may be large and links slow: only a transfer that stands still is given up. */
export const STALL_TIMEOUT_MS = 20_000;
const PARTIAL_CONTENT = 206;

export interface BytesOptions {
  /** Beside the page's other requests. */
  readonly priority?: RequestPriority;
  /** What came of it before. What comes now is added, so that it outlives a transfer that breaks off. */
  readonly received?: Uint8Array[];
  /** Asks for no more than this now; what comes is then a piece, unless the edge knows no ranges. */
  readonly mostBytes?: number;
}

type PieceOptions = BytesOptions & Required<Pick<BytesOptions, 'received'>>;

/** Reads from one edge over HTTP. */
export class EdgeHttp {
  readonly baseUrl: URL;
  /** Why nothing can be fetched: there is no network, see {@link LinkShape.offline}. What is under way breaks off. */
  #cutOff = new AbortController();
  readonly #headers: Record<string, string>;
  readonly #clock: Clock;

  constructor(baseUrl: URL, token: string | undefined, clock: Clock = SYSTEM_CLOCK) {
    this.baseUrl = baseUrl;
    this.#clock = clock;
    this.#headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  }

  /** As if the network were gone, or there again. */
  setOffline(offline: boolean): void {
    if (offline) this.#cutOff.abort(new Error('the link was taken away'));
    else if (this.#cutOff.signal.aborted) this.#cutOff = new AbortController();
  }

  /** @returns the parsed JSON of a 2xx answer, else the status with the edge's error. */
  async json(path: string, signal: AbortSignal | undefined): Promise<{ status: number; body: unknown }> {
    const timeout = new AbortController();
    const cancel = this.#clock.after(DOCUMENT_TIMEOUT_MS, () => timeout.abort(tooSlow(DOCUMENT_TIMEOUT_MS)));
    try {
      const ends = this.#endsOf(timeout, signal);
      const response = await this.#fetch(path, ends, signal);
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
      if (ends.aborted) throw this.#unreachable(path, cause);
      // Whatever stands between may answer in HTML.
      return { status: response.status, body: undefined };
    }
  }

  /**
   * A content-addressed block of bytes.
   * @param onBytes hears of each step; a negative number takes back what the edge begins to send anew
   */
  async bytes(
    path: string,
    signal: AbortSignal | undefined,
    onBytes?: (numBytes: number) => void,
    options: BytesOptions = {},
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { received: parts = [] } = options;
    await this.pieceOf(path, signal, onBytes, { ...options, received: parts });
    return concatenated(parts);
  }

  /** As much of such a block as is asked for, added to what came before. */
  async pieceOf(
    path: string,
    signal: AbortSignal | undefined,
    onBytes: ((numBytes: number) => void) | undefined,
    { priority = 'auto', received: parts, mostBytes = Number.POSITIVE_INFINITY }: PieceOptions,
  ): Promise<void> {
    const keptBytes = sizeOf(parts);
    const range = rangeOf(keptBytes, mostBytes);
    const stall = new AbortController();
    const restart = () => this.#clock.after(STALL_TIMEOUT_MS, () => stall.abort(tooSlow(STALL_TIMEOUT_MS)));
    let cancel = restart();
    try {
      const ends = this.#endsOf(stall, signal);
      const response = await this.#fetch(path, ends, signal, { priority, headers: range });
      if (!response.ok) throw refusal(response.status, await errorOf(response), path);
      if (keptBytes > 0 && response.status !== PARTIAL_CONTENT) {
        parts.length = 0;
        onBytes?.(-keptBytes);
      }
      const reader = response.body?.getReader();
      if (!reader) throw new Error('an answer without a body');
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        cancel();
        cancel = restart();
        parts.push(part.value);
        onBytes?.(part.value.byteLength);
      }
    } catch (cause) {
      if (cause instanceof CutpointError) throw cause;
      if (signal?.aborted) throw CutpointError.aborted(signal);
      throw this.#unreachable(path, cause);
    } finally {
      cancel();
    }
  }

  #endsOf(timeout: AbortController, signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([timeout.signal, this.#cutOff.signal, ...(signal ? [signal] : [])]);
  }

  async #fetch(
    path: string,
    signal: AbortSignal,
    callers: AbortSignal | undefined,
    { headers, ...init }: Pick<RequestInit, 'priority'> & { readonly headers?: Record<string, string> } = {},
  ): Promise<Response> {
    try {
      return await fetch(new URL(path, this.baseUrl), { ...init, headers: { ...this.#headers, ...headers }, signal });
    } catch (cause) {
      if (callers?.aborted) throw CutpointError.aborted(callers);
      throw this.#unreachable(path, cause);
    }
  }

  #unreachable(path: string, cause: unknown): CutpointError {
    const url = new URL(path, this.baseUrl);
    return new CutpointError('edge_unreachable', `The edge did not answer at ${url.href}: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

function rangeOf(fromBytes: number, mostBytes: number): Record<string, string> {
  if (fromBytes === 0 && mostBytes === Number.POSITIVE_INFINITY) return {};
  return { Range: `bytes=${fromBytes}-${Number.isFinite(mostBytes) ? fromBytes + mostBytes - 1 : ''}` };
}

function tooSlow(limitMs: number): Error {
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

async function errorOf(response: Response): Promise<EdgeErrorBody | undefined> {
  return edgeErrorOf(await response.json().catch(() => undefined));
}

export function refusal(status: number, error: EdgeErrorBody | undefined, path: string): CutpointError {
  if (status === 401) {
    return new CutpointError('unauthorised', `The edge refuses ${path}: pass a valid \`token\` to connect.`);
  }
  if (error) return CutpointError.fromEdge(error.code, error.message);
  return new CutpointError('edge_error', `The edge answered ${status} to ${path}.`);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeOf(parts));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

export function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.byteLength, 0);
}
