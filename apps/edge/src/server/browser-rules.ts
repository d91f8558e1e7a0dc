import type { FastifyInstance } from 'fastify';
import { sendError } from './http-errors.js';
import type { OriginPolicy } from './origin.js';

/** What the page may do: its own scripts and WebAssembly, its own worker, its own edge; nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "media-src 'self' blob:",
  "connect-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  // Together they make the page cross-origin isolated, without which WebAssembly has no threads.
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Refuses pages of other origins, and tells browsers what pages of this one may do. */
export function installBrowserRules(app: FastifyInstance, policy: OriginPolicy): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    const { origin, host } = request.headers;
    if (!policy.allows(origin, host)) {
      return sendError(
        reply,
        403,
        'origin_not_allowed',
        `pages of ${origin} may not use this edge; start it with --origin ${origin} to allow them`,
      );
    }
    if (origin !== undefined && policy.isListed(origin)) {
      reply.headers({
        'access-control-allow-origin': origin,
        'cross-origin-resource-policy': 'cross-origin',
        vary: 'origin',
      });
    }
    return undefined;
  });
}
