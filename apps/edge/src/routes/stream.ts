import { MAX_FRAME_BYTES, SUBPROTOCOL } from '@cutpoint/protocol';
import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import type { ConnectionHub } from '../connection/hub.js';
import { OPERATIONS } from '../openapi/operations.js';
import { clientKey } from '../server/access/client-key.js';
import { sendError } from '../server/http-errors.js';

/** Above the limit of the protocol, so that a message which breaks it is answered before the socket is closed. */
const MAX_MESSAGE_BYTES = 2 * MAX_FRAME_BYTES;

/**
 * Before any hook that may refuse a request: the plugin notes first which requests are upgrades, and ends the sockets of
 * those that are refused.
 */
export async function installWebSockets(app: FastifyInstance): Promise<void> {
  await app.register(websocket, {
    options: {
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
    // `ws` itself closes the socket, with the fitting code, after a frame that is no WebSocket frame.
    errorHandler: (error, _socket, request) => request.log.info({ err: error }, 'connection broken'),
    // The connections were told to go away before the server closes.
    preClose(done) {
      app.websocketServer.close();
      done();
    },
  });
}

interface StreamLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerClient: number;
}

/** A client that is refused for the number of connections asks again after this. */
const FULL_RETRY_S = '5';

/** `GET /v1/stream`: tensors up, outputs and load down. */
export function installStream(
  app: FastifyInstance,
  hub: ConnectionHub,
  { maxConnections, maxConnectionsPerClient }: StreamLimits,
): void {
  app.route({
    method: 'GET',
    url: '/v1/stream',
    schema: OPERATIONS.stream,
    preValidation: async (request, reply) => {
      if (!request.ws) return undefined;
      if (!offeredProtocols(request).includes(SUBPROTOCOL)) {
        return sendError(reply, 400, 'subprotocol_required', `offer the WebSocket subprotocol ${SUBPROTOCOL}`);
      }
      const ofClient = hub.sizeOf(clientKey(request));
      if (ofClient >= maxConnectionsPerClient) {
        reply.header('retry-after', FULL_RETRY_S);
        return sendError(
          reply,
          429,
          'too_many_connections',
          `this client has ${ofClient} connections, all that one may have; share one among all models and pages, or start the edge with a higher --max-connections-per-client`,
        );
      }
      if (hub.size < maxConnections) return undefined;
      reply.header('retry-after', FULL_RETRY_S);
      return sendError(
        reply,
        503,
        'too_many_connections',
        `this edge has ${hub.size} connections, all that it takes; run locally and try again later, or start it with a higher --max-connections`,
      );
    },
    handler: async (_, reply) => {
      reply.header('upgrade', 'websocket');
      return sendError(reply, 426, 'upgrade_required', `this is a WebSocket; its subprotocol is ${SUBPROTOCOL}`);
    },
    wsHandler: (socket: WebSocket, request) =>
      hub.add(socket, request.raw.socket, { key: clientKey(request), expiresAtMs: request.grant?.expiresAtMs }),
  });
}

function offeredProtocols(request: FastifyRequest): string[] {
  return (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());
}
