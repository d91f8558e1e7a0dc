import type { FastifyInstance, FastifyRequest } from 'fastify';
import * as v from 'valibot';
import type { DemoLinks } from '../demo/demo-link.js';
import { type DemoLoad, MOST_NEIGHBOURS, MOST_TAILS } from '../demo/demo-load.js';
import { clientKey } from '../server/access/client-key.js';
import type { ServedModels } from '../server/catalog.js';
import { sendError } from '../server/http-errors.js';

/** What is asked for ends by itself after this, so that a page which is closed leaves nothing behind. */
export const LONGEST_MS = 30_000;
const SLOWEST_BYTES_PER_MS = 1;

const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
const forMs = v.pipe(v.number(), v.minValue(1), v.maxValue(LONGEST_MS));
const rate = v.optional(v.pipe(v.number(), v.minValue(SLOWEST_BYTES_PER_MS)));
const loadBody = v.strictObject({
  model: v.string(),
  tails: count(MOST_TAILS),
  neighbours: count(MOST_NEIGHBOURS),
  forMs,
});
const linkBody = v.strictObject({
  uplinkBytesPerMs: rate,
  downlinkBytesPerMs: rate,
  roundTripMs: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1_000))),
  forMs,
});

export interface DemoRoutes {
  readonly models: ServedModels;
  readonly load: DemoLoad;
  readonly links: DemoLinks;
}

/** For demonstrations: clients load this edge and slow their own link to it. Installed only where that was asked for. */
export function installDemo(app: FastifyInstance, { models, load, links }: DemoRoutes): void {
  const state = (request: FastifyRequest) => {
    const client = clientKey(request);
    return {
      tails: load.tails,
      neighbours: load.neighbours,
      load: load.wantedBy(client) ?? null,
      link: links.wantedBy(client) ?? null,
      most: { tails: MOST_TAILS, neighbours: MOST_NEIGHBOURS, forMs: LONGEST_MS },
    };
  };
  // No part of the API, so it is not described in its document.
  const schema = { hide: true };

  app.get('/v1/demo', { schema }, async (request, reply) =>
    reply.header('cache-control', 'no-store').send(state(request)),
  );

  app.post('/v1/demo/load', { schema }, async (request, reply) => {
    const read = v.safeParse(loadBody, request.body);
    if (!read.success) return sendError(reply, 400, 'bad_request', problemOf(read.issues));
    const { forMs, ...wanted } = read.output;
    const isReady = models.catalog.get(wanted.model)?.prepared !== undefined;
    if (!isReady) return sendError(reply, 404, 'unknown_model', `${JSON.stringify(wanted.model)} is not ready here`);
    load.want(clientKey(request), wanted, forMs);
    return reply.send(state(request));
  });

  app.post('/v1/demo/link', { schema }, async (request, reply) => {
    const read = v.safeParse(linkBody, request.body);
    if (!read.success) return sendError(reply, 400, 'bad_request', problemOf(read.issues));
    const { forMs, ...pace } = read.output;
    const isPaced = Object.values(pace).some((value) => value !== undefined && value > 0);
    links.want(clientKey(request), isPaced ? pace : undefined, forMs);
    return reply.send(state(request));
  });
}

function problemOf([issue]: readonly v.BaseIssue<unknown>[]): string {
  return `${issue === undefined ? '' : v.getDotPath(issue)}: ${issue?.message}`;
}
