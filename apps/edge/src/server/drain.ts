import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isHealthRoute } from './access/gate.js';
import { sendError } from './http-errors.js';

/** Requests over HTTP that are not answered to their last byte. WebSockets are not among them. */
export class OpenRequests {
  readonly #open = new Map<ServerResponse, Socket>();
  /** Sockets that are watched until they close. */
  readonly #known = new WeakSet<Socket>();
  #whenNone: (() => void)[] = [];

  constructor(server: Server) {
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#watch(socket);
      this.#open.set(response, socket);
      response.once('close', () => this.#over(response));
    });
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }

  /** Of the responses in line on a socket, Node tells only the first that it has closed. */
  #watch(socket: Socket): void {
    if (this.#known.has(socket)) return;
    this.#known.add(socket);
    socket.once('close', () => {
      for (const [response, ofSocket] of [...this.#open]) if (ofSocket === socket) this.#over(response);
    });
  }

  #over(response: ServerResponse): void {
    this.#open.delete(response);
    if (this.#open.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve();
  }
}

/** While the edge stops it takes nothing new, and says so to whoever is still connected. Install it before the routes. */
export function installRefusal(app: FastifyInstance, isStopping: () => boolean): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!isStopping() || isHealthRoute(request.routeOptions.url)) return undefined;
    return sendError(reply, 503, 'shutting_down', 'this edge is stopping; ask another, or again later');
  });
  app.addHook('onSend', async (_, reply) => {
    if (isStopping()) reply.header('connection', 'close');
  });
}

/** Resolves with the work, or after that time without it. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
