import type { HttpErrorCode } from '@cutpoint/protocol';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Of routes that do not say otherwise. */
export const BODY_LIMIT_BYTES = 64 * 1024;

/** Addresses of the KServe protocol, whose clients read errors in its own form. */
const V2 = /^\/v2(?:[/?]|$)/;

/** Answers with `{code, message}`, the form of every error of this edge, or with the KServe protocol's under its addresses. */
export function sendError(reply: FastifyReply, status: number, code: HttpErrorCode, message: string): FastifyReply {
  if (V2.test(reply.request.url)) return sendV2Error(reply, status, message);
  return reply.code(status).header('cache-control', 'no-store').send({ code, message });
}

/** As the KServe protocol has errors. */
export function sendV2Error(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').send({ error: message });
}

export function installErrorHandlers(app: FastifyInstance): void {
  // Before anything of the body is read. Node discards what still comes: closing at once would often cost the client the
  // answer as well.
  app.addHook('onRequest', async (request, reply) => {
    const limit = request.routeOptions.bodyLimit ?? BODY_LIMIT_BYTES;
    if (Number(request.headers['content-length'] ?? 0) <= limit) return undefined;
    return tooLarge(reply, limit);
  });
  app.setNotFoundHandler(notFound);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(reply, BODY_LIMIT_BYTES);
    const status = error.statusCode ?? 500;
    // A path that leads out of the page's folder; what is there is nobody's business.
    if (status === 403 || status === 404) return notFound(request, reply);
    if (status === 429) return sendError(reply, status, 'rate_limited', error.message);
    if (status < 500) return sendError(reply, status, 'bad_request', error.message);
    request.log.error({ err: error }, 'request failed');
    return sendError(reply, 500, 'internal_error', 'the edge failed to answer; its log says more');
  });
}

function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendError(reply, 404, 'not_found', `there is nothing at ${request.method} ${request.url.slice(0, 200)}`);
}

function tooLarge(reply: FastifyReply, limit: number): FastifyReply {
  return sendError(
    reply,
    413,
    'body_too_large',
    `a body here has at most ${limit} bytes; tensors and pictures go over /v1/stream or to /v2/models/:name/infer`,
  );
}
