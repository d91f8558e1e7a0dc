import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from './http-errors.js';
import type { OriginPolicy } from './origin.js';

/** What the page may do: its own scripts and WebAssembly, its own worker, its own edge; nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self' blob:",
  "style-src 'self'",
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

const API = /^\/v[12](?:\/|$)/;
const ALLOWED_HEADERS =
  'authorization, content-type, content-encoding, inference-header-content-length, range, traceparent, tracestate';
const EXPOSED_HEADERS =
  'inference-header-content-length, retry-after, cutpoint-code, cutpoint-load, cutpoint-retry-after-ms';
/** How long a browser may remember the answer to a preflight. Chromium keeps none longer. */
const PREFLIGHT_MAX_AGE_S = 7_200;

/** Refuses pages of other origins, and tells browsers what pages of this one and of allowed ones may do. */
export function installBrowserRules(app: FastifyInstance, policy: OriginPolicy): void {
  app.addHook('onRequest', async (request, reply) => {
    setBrowserHeaders(request, reply, policy);
    const { origin, host } = request.headers;
    if (!policy.allows(origin, host)) return sendError(reply, 403, 'origin_not_allowed', notAllowed(String(origin)));
    if (!policy.knows(host)) return sendError(reply, 421, 'unknown_host', unknownHost(String(host)));
    if (isPreflight(request)) {
      return reply
        .code(204)
        .headers({
          'access-control-allow-methods': 'GET, HEAD, POST',
          'access-control-allow-headers': ALLOWED_HEADERS,
          'access-control-max-age': PREFLIGHT_MAX_AGE_S,
        })
        .send();
    }
    return undefined;
  });
}

/** For answers that no hook sees; {@link installBrowserRules} does it for all others. */
export function setBrowserHeaders(request: FastifyRequest, reply: FastifyReply, policy: OriginPolicy): void {
  reply.headers(HEADERS);
  if (!API.test(request.url)) return;
  // Also where no origin was named: a cache must not give that answer to a page of another site.
  reply.header('vary', 'origin');
  const { origin } = request.headers;
  if (origin === undefined || !policy.isListed(origin)) return;
  reply.headers({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED_HEADERS,
    'cross-origin-resource-policy': 'cross-origin',
  });
}

function isPreflight({ method, url, headers }: FastifyRequest): boolean {
  return (
    method === 'OPTIONS' &&
    API.test(url) &&
    headers.origin !== undefined &&
    headers['access-control-request-method'] !== undefined
  );
}

function unknownHost(host: string): string {
  const name = host.slice(0, 200);
  return `this edge is not known as ${name}; if it is to be, start it with --origin and the site's address (http://${name} or https://${name})`;
}

function notAllowed(origin: string): string {
  if (origin !== 'null') {
    return `pages of ${origin.slice(0, 200)} may not use this edge; start it with --origin ${origin.slice(0, 200)} to allow them`;
  }
  return (
    'this page has no origin of its own (a file, or a sandboxed frame), so it cannot be allowed; serve it over http or ' +
    'https, from this edge or from a site that the edge was started with (--origin)'
  );
}
