import { CutpointError } from '../errors.js';
import { type EdgeHttp, edgeErrorOf, refusal, tooSlow } from '../http.js';

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

/**
 * A content-addressed block of bytes.
 * @param onBytes hears of each step; a negative number takes back what the edge begins to send anew
 */
export async function fetchBytes(
  http: EdgeHttp,
  path: string,
  signal: AbortSignal | undefined,
  onBytes?: (numBytes: number) => void,
  options: BytesOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { received: parts = [] } = options;
  await fetchPiece(http, path, signal, onBytes, { ...options, received: parts });
  return concatenated(parts);
}

/** As much of such a block as is asked for, added to what came before. */
export async function fetchPiece(
  http: EdgeHttp,
  path: string,
  signal: AbortSignal | undefined,
  onBytes: ((numBytes: number) => void) | undefined,
  { priority = 'auto', received: parts, mostBytes = Number.POSITIVE_INFINITY }: PieceOptions,
): Promise<void> {
  const keptBytes = sizeOf(parts);
  const range = rangeOf(keptBytes, mostBytes);
  const stall = new AbortController();
  const restart = () => http.clock.after(STALL_TIMEOUT_MS, () => stall.abort(tooSlow(STALL_TIMEOUT_MS)));
  let cancel = restart();
  try {
    const ends = http.endsOf(stall, signal);
    const response = await http.fetch(path, ends, signal, { priority, headers: range });
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
    throw http.unreachable(path, cause);
  } finally {
    cancel();
  }
}

function rangeOf(fromBytes: number, mostBytes: number): Record<string, string> {
  if (fromBytes === 0 && mostBytes === Number.POSITIVE_INFINITY) return {};
  return { Range: `bytes=${fromBytes}-${Number.isFinite(mostBytes) ? fromBytes + mostBytes - 1 : ''}` };
}

async function errorOf(response: Response): Promise<ReturnType<typeof edgeErrorOf>> {
  return edgeErrorOf(await response.json().catch(() => undefined));
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
