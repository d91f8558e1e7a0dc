import { BEARER_SUBPROTOCOL_PREFIX } from '@cutpoint/protocol';
import fastifyRateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sendError } from '../http-errors.js';
import type { Authenticator, Grant } from './authenticator.js';
import { clientKey } from './client-key.js';
import type { ClientSockets } from './client-sockets.js';
import type { Strangers } from './strangers.js';
import { WindowStore } from './window-store.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** `null` on what everybody may see. */
    grant: Grant | null;
  }
}

/** As the routes are written. */
const HEALTH_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/v2/health/live', '/v2/health/ready']);
/** What needs no token: the page, and what a supervisor asks. All else does, also what is added later, */
const PUBLIC_ROUTES: ReadonlySet<string> = new Set(['/', '/*', ...HEALTH_ROUTES]);
/** but what is described of any edge of this version, so that people can open it in a browser and give their token there. */
const DESCRIPTION = /^\/(?:openapi\.json|docs(?:\/.*)?)$/;

function isPublicRoute(url: string): boolean {
  return PUBLIC_ROUTES.has(url) || DESCRIPTION.test(url);
}

/** Of this a supervisor may not be kept from asking, whatever others ask from its address. */
export function isHealthRoute(url: string | undefined): boolean {
  return url !== undefined && HEALTH_ROUTES.has(url);
}

const RATE_WINDOW_MS = 1_000;

interface GateOptions {
  readonly strangers: Strangers;
  readonly sockets: ClientSockets;
  readonly authenticate: Authenticator;
  readonly maxRequestsPerS: number;
  /** What needs no token at this edge, besides what needs none at any. */
  readonly openRoutes: readonly string[];
}

/** Counts the requests of each address, then lets in those who may. Install it before the routes. */
export async function installGate(
  app: FastifyInstance,
  { authenticate, strangers, sockets, maxRequestsPerS, openRoutes }: GateOptions,
): Promise<void> {
  app.decorateRequest('grant', null);
  await app.register(fastifyRateLimit, {
    global: false,
    max: maxRequestsPerS,
    timeWindow: RATE_WINDOW_MS,
    allowList: (request: FastifyRequest) => isHealthRoute(request.routeOptions.url),
    store: WindowStore,
    errorResponseBuilder: () =>
      Object.assign(new Error(`more than ${maxRequestsPerS} requests in a second; wait as long as Retry-After says`), {
        statusCode: 429,
      }),
  });
  // As a hook of all requests, and before tokens are looked at: guessing is limited too, and so are wrong addresses.
  app.addHook('onRequest', app.rateLimit());
  app.addHook('onRequest', async (request, reply) => {
    const { url = '' } = request.routeOptions;
    if (isPublicRoute(url) || openRoutes.includes(url)) return undefined;
    const token = tokenOf(request);
    const grant = await authenticate(token);
    if (grant === undefined) {
      reply.header('www-authenticate', token === undefined ? 'Bearer' : 'Bearer error="invalid_token"');
      return sendError(reply, 401, 'unauthorised', token === undefined ? NO_TOKEN : WRONG_TOKEN);
    }
    request.grant = grant;
    const { socket } = request.raw;
    // What becomes a WebSocket is counted as one.
    const isCounted = !request.ws && !strangers.isProxy(socket.remoteAddress ?? '');
    if (isCounted && !sockets.use(clientKey(request), socket)) {
      // Closed, and until then as good as one on which nobody was let in.
      reply.headers({ connection: 'close', 'retry-after': SOCKET_RETRY_S });
      return sendError(reply, 429, 'too_many_connections', TOO_MANY_SOCKETS);
    }
    strangers.letIn(socket);
    return undefined;
  });
}

/** A client that has too many sockets asks again after this, if not on one of those. */
const SOCKET_RETRY_S = '5';
const TOO_MANY_SOCKETS =
  'this client has as many sockets as one may have; ask on one of them (keep-alive), or start the edge with a higher --max-sockets-per-client';

const NO_TOKEN = `this edge wants a token: send "Authorization: Bearer <token>", or offer the subprotocol ${BEARER_SUBPROTOCOL_PREFIX}<token> on the WebSocket`;
const WRONG_TOKEN = 'this token is not one of this edge, or no longer valid';

/** Browsers cannot set headers on a WebSocket: there it comes as a second subprotocol. */
function tokenOf({ headers, ws }: FastifyRequest): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (bearer !== undefined || !ws) return bearer;
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
  return offered
    .find((protocol) => protocol.startsWith(BEARER_SUBPROTOCOL_PREFIX))
    ?.slice(BEARER_SUBPROTOCOL_PREFIX.length);
}
