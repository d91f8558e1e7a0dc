import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGunzip, createInflate } from 'node:zlib';
import { ProtocolError } from '@cutpoint/protocol';
import type { BodyLimit } from './body-limit.js';

/** How a body may be compressed. `deflate` is zlib's format, as HTTP means it. */
const INFLATERS = { gzip: createGunzip, deflate: createInflate } as const;
export type BodyEncoding = keyof typeof INFLATERS;

/** The `Content-Encoding` of a request: `undefined` for none, `null` for one that is not read here. */
export function bodyEncoding({ headers }: Pick<IncomingMessage, 'headers'>): BodyEncoding | undefined | null {
  const name = headers['content-encoding']?.trim().toLowerCase();
  if (name === undefined || name === '' || name === 'identity') return undefined;
  return name === 'gzip' || name === 'deflate' ? name : null;
}

export interface BodyLimits extends BodyLimit {
  /** Nothing may come for this long, */
  readonly idleMs: number;
  /** and all of it may take this long. */
  readonly totalMs: number;
}

/**
 * Reads the body of a request. What still comes after a refusal is dropped as it comes: ending the socket would often
 * cost the client the answer.
 * @param take called with the size of what came, before it is kept; may throw to refuse it
 * @throws ProtocolError `too_large`, `upload_timeout`, `bad_message` for what cannot be inflated, `cancelled` when the client
 *   is gone, and what `take` throws
 */
export async function readBody(
  request: IncomingMessage,
  encoding: BodyEncoding | undefined,
  limits: BodyLimits,
  take: (numBytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const known = encoding === undefined ? request.headers['content-length'] : undefined;
  // Where its size is known its bytes go to their place as they come. (What is not written to takes no memory yet.)
  const place = known === undefined ? undefined : new Uint8Array(Math.min(Number(known), limits.maxBytes));
  const chunks: Uint8Array[] = [];
  let numBytes = 0;
  const keep = (chunk: Uint8Array) => {
    const offset = numBytes;
    numBytes += chunk.byteLength;
    if (numBytes > limits.maxBytes) throw limits.tooLarge();
    take(chunk.byteLength);
    if (place === undefined) chunks.push(chunk);
    else place.set(chunk, offset);
  };
  await drain(request, encoding, limits, keep);
  return place ?? (await joined(chunks, numBytes));
}

/** Hands every chunk to `keep`, until the end or the first error. */
async function drain(
  request: IncomingMessage,
  encoding: BodyEncoding | undefined,
  { idleMs, totalMs }: BodyLimits,
  keep: (chunk: Uint8Array) => void,
): Promise<void> {
  const inflater = encoding === undefined ? undefined : INFLATERS[encoding]();
  let pause: NodeJS.Timeout | undefined;
  let whole: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const gone = () => {
        // What came whole may still be being inflated.
        if (!request.complete) reject(new ProtocolError('cancelled', 'the client is gone'));
      };
      const late = (what: string) => reject(new ProtocolError('upload_timeout', what));
      pause = setTimeout(() => late(`nothing of the body came for ${idleMs} ms`), idleMs).unref();
      whole = setTimeout(() => late(`the body was not whole after ${totalMs} ms`), totalMs).unref();
      request
        .on('data', () => pause?.refresh())
        .on('error', gone)
        .on('close', gone);
      const onChunk = (chunk: Uint8Array) => {
        try {
          keep(chunk);
        } catch (error) {
          reject(error);
        }
      };
      if (inflater === undefined) {
        request.on('data', onChunk).on('end', resolve);
        return;
      }
      inflater.on('data', onChunk).on('end', resolve);
      inflater.on('error', (cause) =>
        reject(new ProtocolError('bad_message', `the body cannot be inflated: ${cause.message}`, { cause })),
      );
      request.pipe(inflater);
    });
  } finally {
    clearTimeout(pause);
    clearTimeout(whole);
    // What still comes is read and dropped; a paused request would hold up the next one on its socket.
    request.removeAllListeners('data').removeAllListeners('end').unpipe();
    request.resume();
    inflater?.removeAllListeners('data').destroy();
  }
}

/** Copied at a time, in a fraction of a ms: others wait for this thread too. */
const SLICE_BYTES = 1024 * 1024;

async function joined(chunks: readonly Uint8Array[], numBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(numBytes);
  let offset = 0;
  let sliceEnd = SLICE_BYTES;
  for (const chunk of chunks) {
    if (offset >= sliceEnd) {
      await nextTurn();
      sliceEnd = offset + SLICE_BYTES;
    }
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
