import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ModelError, messageOf } from './error.js';

/** Bytes that arrived of bytes that will; `totalBytes` is `undefined` until a server says. */
export interface DownloadProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number | undefined;
}

export interface DownloadOptions {
  /** Where the finished file goes; `<file>.part` holds what arrived so far, also between two attempts. */
  readonly file: string;
  /** Refused and deleted when the content has another hash. `undefined` only to learn the hash. */
  readonly sha256: string | undefined;
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Longest silence of the server, in ms. Default 30 s. */
  readonly stallMs?: number;
  /** Default 2 GiB, the most that one ONNX file can be. */
  readonly maxBytes?: number;
  /** Connections that may break off in all before it is given up; each goes on where the last one ended. Default 5. */
  readonly attempts?: number;
  /** Pause before the second connection, in ms; it doubles with each further one, up to 30 s. Default 1 s. */
  readonly retryMs?: number;
}

interface Downloaded {
  readonly sha256: string;
  readonly numBytes: number;
}

const DEFAULT_STALL_MS = 30_000;
const DEFAULT_MAX_BYTES = 2 ** 31;
const DEFAULT_ATTEMPTS = 5;
const DEFAULT_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
const MAX_REDIRECTS = 5;

/**
 * Fetches an https address into a file, going on where a broken connection ended. What is trusted is the hash alone:
 * a server that resumes wrongly, or changed the file in between, is found out by it and the partial file is dropped.
 *
 * @throws ModelError `download_failed`, `download_stalled`, `download_too_large`, `wrong_hash`, `aborted`, `store_full`.
 */
export async function download(address: string, options: DownloadOptions): Promise<Downloaded> {
  const part = `${options.file}.part`;
  await mkdir(dirname(options.file), { recursive: true }).catch((error) => {
    throw ModelError.fromStore(error, options.file);
  });
  const attempts = options.attempts ?? DEFAULT_ATTEMPTS;
  let resumed = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const kept = await partState(part);
      // Complete already: the last attempt was stopped before it could rename.
      if (kept.numBytes > 0 && kept.hash.copy().digest('hex') === options.sha256) break;
      resumed ||= kept.numBytes > 0;
      await fetchRest(address, part, kept, options);
      break;
    } catch (error) {
      if (!(error instanceof BrokenOff) || attempt >= attempts) throw finalError(error, address);
      await pause(attempt, address, options);
    }
  }
  const { hash, numBytes } = await partState(part);
  const sha256 = hash.digest('hex');
  if (options.sha256 !== undefined && sha256 !== options.sha256) {
    await rm(part, { force: true });
    // Two halves of different files: the address may still be right, so once from the start.
    if (resumed) return await download(address, { ...options, attempts: 1 });
    throw new ModelError(
      'wrong_hash',
      `${address} has sha256 ${sha256}, but ${options.sha256} is pinned: it was refused and deleted. ` +
        'Either the address now holds something else, or the pinned hash is wrong',
    );
  }
  await rename(part, options.file).catch((error) => {
    throw ModelError.fromStore(error, options.file);
  });
  return { sha256, numBytes };
}

/** A server in trouble is not helped by coming back at once. */
async function pause(attempt: number, address: string, { retryMs, signal }: DownloadOptions): Promise<void> {
  const pauseMs = Math.min(MAX_RETRY_MS, (retryMs ?? DEFAULT_RETRY_MS) * 2 ** (attempt - 1));
  await sleep(pauseMs, undefined, signal === undefined ? {} : { signal }).catch((error) => {
    throw new ModelError('aborted', `${address}: stopped`, { cause: error });
  });
}

/** The connection ended before the content did; worth another one. */
class BrokenOff extends Error {
  constructor(readonly reason: ModelError) {
    super(reason.message);
  }
}

function finalError(error: unknown, address: string): ModelError {
  if (error instanceof BrokenOff) return error.reason;
  if (error instanceof ModelError) return error;
  return new ModelError('download_failed', `${address}: ${messageOf(error)}`, { cause: error });
}

/** Hashes what is there already, so that a resumed download ends with the hash of the whole. */
async function partState(part: string): Promise<{ readonly hash: Hash; readonly numBytes: number }> {
  const hash = createHash('sha256');
  const size = await stat(part).then(
    (info) => info.size,
    () => 0,
  );
  if (size > 0) for await (const chunk of createReadStream(part)) hash.update(chunk);
  return { hash, numBytes: size };
}

async function fetchRest(
  address: string,
  part: string,
  kept: { readonly numBytes: number },
  options: DownloadOptions,
): Promise<void> {
  const stallMs = options.stallMs ?? DEFAULT_STALL_MS;
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(), stallMs);
  const signal = options.signal === undefined ? stall.signal : AbortSignal.any([options.signal, stall.signal]);
  const explain = (error: unknown): Error => {
    if (options.signal?.aborted === true) return new ModelError('aborted', `${address}: stopped`, { cause: error });
    if (error instanceof ModelError) return error;
    if (stall.signal.aborted) {
      return new BrokenOff(new ModelError('download_stalled', `${address}: the server said nothing for ${stallMs} ms`));
    }
    return new BrokenOff(
      new ModelError('download_failed', `${address}: the connection failed: ${messageOf(error)}`, { cause: error }),
    );
  };
  try {
    const response = await follow(address, kept.numBytes, signal, options.fetch ?? fetch);
    timer.refresh();
    const plan = await readPlan(response, address, kept.numBytes);
    if (plan === 'restart') {
      await rm(part, { force: true });
      throw new BrokenOff(new ModelError('download_failed', `${address}: the server cannot resume`));
    }
    await receive(response, part, plan, address, options, () => timer.refresh());
  } catch (error) {
    throw error instanceof BrokenOff ? error : explain(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Redirects are followed by hand: none may leave https. */
async function follow(address: string, from: number, signal: AbortSignal, get: typeof fetch): Promise<Response> {
  let url = address;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await get(url, {
      signal,
      redirect: 'manual',
      // A compressed body could neither be counted nor resumed.
      headers: { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
    });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || location === null) return response;
    await response.body?.cancel();
    url = new URL(location, url).href;
    if (!url.startsWith('https://')) {
      throw new ModelError('download_failed', `${address} redirects to ${url}, which is not https: refused`);
    }
  }
  throw new ModelError('download_failed', `${address} redirects more than ${MAX_REDIRECTS} times`);
}

interface ReadPlan {
  /** Where in the file the body starts. */
  readonly from: number;
  readonly totalBytes: number | undefined;
}

async function readPlan(response: Response, address: string, keptBytes: number): Promise<ReadPlan | 'restart'> {
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const bodyBytes = Number.isSafeInteger(length) ? length : undefined;
  if (response.status === 200) return { from: 0, totalBytes: bodyBytes };
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (response.status === 206 && range !== null && Number(range[1]) === keptBytes) {
    return { from: keptBytes, totalBytes: range[2] === '*' ? undefined : Number(range[2]) };
  }
  await response.body?.cancel();
  // 416: what is kept is as long as the file or longer. A 206 for another place is no use either.
  if (keptBytes > 0 && (response.status === 416 || response.status === 206)) return 'restart';
  const error = new ModelError(
    'download_failed',
    `${address}: the server answered ${response.status} ${response.statusText}`.trim(),
  );
  throw response.status >= 500 || response.status === 429 ? new BrokenOff(error) : error;
}

async function receive(
  response: Response,
  part: string,
  plan: ReadPlan,
  address: string,
  options: DownloadOptions,
  onBytes: () => void,
): Promise<void> {
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const tooLarge = async (): Promise<never> => {
    await response.body?.cancel().catch(() => undefined);
    await rm(part, { force: true });
    throw new ModelError('download_too_large', `${address} is larger than the ${maxBytes} bytes that are allowed`);
  };
  if ((plan.totalBytes ?? 0) > maxBytes) return await tooLarge();
  let handle: FileHandle | undefined;
  let loadedBytes = plan.from;
  try {
    handle = await open(part, plan.from === 0 ? 'w' : 'a').catch((error) => {
      throw ModelError.fromStore(error, part);
    });
    options.onProgress?.({ loadedBytes, totalBytes: plan.totalBytes });
    for await (const chunk of response.body ?? []) {
      onBytes();
      loadedBytes += chunk.byteLength;
      if (loadedBytes > maxBytes) return await tooLarge();
      await handle.writeFile(chunk).catch((error) => {
        throw ModelError.fromStore(error, part);
      });
      options.onProgress?.({ loadedBytes, totalBytes: plan.totalBytes });
    }
  } finally {
    await handle?.close();
  }
  if (plan.totalBytes !== undefined && loadedBytes < plan.totalBytes) {
    throw new Error(`it ended after ${loadedBytes} of ${plan.totalBytes} bytes`);
  }
}
