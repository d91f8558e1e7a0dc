import type { HttpErrorCode } from '@cutpoint/protocol';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** No route takes more. */
export const BODY_LIMIT_BYTES = 64 * 1024;

/** Answers with `{code, message}`, the form of every error of this edge. */
export function sendError(reply: FastifyReply, status: number, code: HttpErrorCode, message: string): FastifyReply {
  return reply.code(status).header('cache-control', 'no-store').send({ code, message });
}

export function installErrorHandlers(app: FastifyInstance): void {
  // Before anything of the body is read. Node discards what still comes: closing at once would often cost the client the
  // answer as well.
  app.addHook('onRequest', async (request, reply) => {
    if (Number(request.headers['content-length'] ?? 0) <= BODY_LIMIT_BYTES) return undefined;
    return tooLarge(reply);
  });
  app.setNotFoundHandler(notFound);
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return tooLarge(reply);
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

function tooLarge(reply: FastifyReply): FastifyReply {
  return sendError(
    reply,
    413,
    'body_too_large',
    `no request of this edge has a body above ${BODY_LIMIT_BYTES} bytes; pictures and tensors go over /v1/stream`,
  );
}
