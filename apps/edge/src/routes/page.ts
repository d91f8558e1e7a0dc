import { existsSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { sendError } from '../server/http-errors.js';

/** Serves the demo page, and the `sendFile` that other routes use. */
export async function installPage(app: FastifyInstance, pageDir: string | undefined): Promise<void> {
  const root = pageDir === undefined ? undefined : resolve(pageDir);
  if (root === undefined || !existsSync(join(root, 'index.html'))) {
    await app.register(fastifyStatic, { serve: false });
    app.get('/', { schema: { hide: true } }, async (_, reply) =>
      sendError(reply, 404, 'no_page', 'the demo page is not built; `npm start` builds it and serves it here'),
    );
    return;
  }
  const assets = `${sep}assets${sep}`;
  await app.register(fastifyStatic, {
    root,
    serve: true,
    cacheControl: false,
    // The build puts a .gz beside what compresses.
    preCompressed: true,
    setHeaders: (response, path) => {
      // Vite names what it puts there by content.
      const isHashed = path.slice(root.length).startsWith(assets);
      response.setHeader('vary', 'accept-encoding');
      response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
}
