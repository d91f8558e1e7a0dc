import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

const compress = promisify(gzip);

/** A JSON document that is sent often: compressed once, when it is first asked for. */
export class CompressibleJson {
  readonly #bytes: Buffer;
  readonly etag: string;
  #gzipped: Promise<Buffer> | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"`;
  }

  /** @param cacheControl who may keep it, and for how long. */
  async send(request: FastifyRequest, reply: FastifyReply, cacheControl: string): Promise<FastifyReply> {
    reply.headers({ 'cache-control': cacheControl, etag: this.etag });
    const vary = reply.getHeader('vary');
    reply.header('vary', vary === undefined ? 'accept-encoding' : `${vary}, accept-encoding`);
    if (request.headers['if-none-match']?.includes(this.etag)) return reply.code(304).send();
    reply.type('application/json; charset=utf-8');
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(this.#bytes);
    this.#gzipped ??= compress(this.#bytes);
    return reply.header('content-encoding', 'gzip').send(await this.#gzipped);
  }
}
