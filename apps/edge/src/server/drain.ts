import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { isHealthRoute } from './access/gate.js';
import { sendError } from './http-errors.js';

/** Requests over HTTP that are not answered to their last byte. WebSockets are not among them. */
export class OpenRequests {
  readonly #open = new Set<ServerResponse>();
  #whenNone: (() => void)[] = [];

  constructor(server: Server) {
    server.on('request', (_: IncomingMessage, response: ServerResponse) => {
      this.#open.add(response);
      response.once('close', () => {
        this.#open.delete(response);
        if (this.#open.size === 0) for (const resolve of this.#whenNone.splice(0)) resolve();
      });
    });
  }

  /** Resolves when there is none. */
  async none(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
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
