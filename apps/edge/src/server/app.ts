import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { setBrowserHeaders } from './browser-rules.js';
import { BODY_LIMIT_BYTES, sendError } from './http-errors.js';
import { LogStream } from './log-stream.js';
import type { ServerOptions } from './options.js';
import type { OriginPolicy } from './origin.js';

/** How often it is looked whether headers are late. */
const TIMEOUT_LOOKS = 4;
/** A model's name may carry a variant with the dimensions of all its inputs. */
const MAX_NAME_LENGTH = 1_000;
/** Browsers open up to six for downloads beside the WebSocket, and close them when they are idle. */
const SOCKETS_PER_CONNECTION = 4;
/** Where a program writes its token; logs are read by more people than tokens are meant for. */
const SECRET_HEADERS = ['authorization', 'sec-websocket-protocol', 'cookie'];

/** The HTTP server without a route. */
export function createApp(
  { logLevel, tls, trustProxy, maxConnections, headersMs, uploadMs }: ServerOptions,
  origins: OriginPolicy,
): FastifyInstance {
  const connectionsCheckingInterval = headersMs / TIMEOUT_LOOKS;
  const app = Fastify({
    ...(tls === undefined
      ? { http: { connectionsCheckingInterval } }
      : { https: { ...tls, minVersion: 'TLSv1.2', handshakeTimeout: headersMs, connectionsCheckingInterval } }),
    logger: {
      level: logLevel,
      stream: LogStream.toStandardError(),
      redact: SECRET_HEADERS.flatMap((name) => [`req.headers["${name}"]`, `headers["${name}"]`]),
    },
    // A line for each document that a page loads helps nobody; what goes wrong is logged where it does.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_NAME_LENGTH },
    requestTimeout: 2 * headersMs + uploadMs,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    // What runs is waited for before the server is closed.
    forceCloseConnections: true,
    // An address that cannot even be routed reaches no hook.
    frameworkErrors: (error, request, reply) => {
      setBrowserHeaders(request, reply, origins);
      return sendError(reply, 400, 'bad_request', error.message);
    },
  });
  app.server.headersTimeout = headersMs;
  app.server.maxConnections = maxConnections * SOCKETS_PER_CONNECTION;
  // With or without TLS: nothing of ours depends on it, and a type that names both fits no plugin.
  return app as unknown as FastifyInstance;
}
