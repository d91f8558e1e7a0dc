import type { FastifyInstance } from 'fastify';
import { OPERATIONS } from '../openapi/operations.js';
import type { ModelCatalog } from '../server/catalog.js';

/**
 * Why the edge is not ready; `undefined` when it is: every model has been settled once, and one at least can be served. Models on
 * demand keep nobody waiting but those who ask for them.
 */
function notReadyReason(
  catalog: ModelCatalog,
  { isStopping, wasReady }: { readonly isStopping: boolean; readonly wasReady: boolean },
): string | undefined {
  if (isStopping) return 'the edge is stopping';
  const models = catalog.list();
  if (models.length === 0) return 'there is no model; add one with `cutpoint add`';
  const preparing = models
    .filter(({ status, onDemand }) => status === 'preparing' && onDemand !== true)
    .map(({ name }) => name);
  const canServe = models.some(({ status }) => status === 'ready' || status === 'on-demand');
  if (preparing.length > 0 && !(wasReady && canServe)) return `being prepared: ${preparing.join(', ')}`;
  // Only those on demand can still be on their way.
  if (canServe || models.some(({ status }) => status === 'preparing')) return undefined;
  return models.map(({ name, status, reason }) => `${name} is ${status}: ${reason ?? 'no reason known'}`).join('; ');
}

/** The health part of the KServe Open Inference Protocol, also under the short names that supervisors are given by habit. */
export function installHealth(
  app: FastifyInstance,
  catalog: ModelCatalog,
  isStopping: () => boolean,
  isWarm: () => boolean,
): void {
  // A model that comes later, or is prepared only when it is asked for, does not take an edge out of use which serves the others.
  let wasReady = false;
  const reasonNow = (): string | undefined => {
    const reason = notReadyReason(catalog, { isStopping: isStopping(), wasReady });
    if (reason !== undefined) return reason;
    wasReady ||= isWarm();
    return wasReady ? undefined : 'the tails that requests begin with are being opened';
  };

  for (const url of ['/v2/health/live', '/healthz']) {
    app.get(url, { schema: OPERATIONS.live }, async (_, reply) =>
      reply.header('cache-control', 'no-store').send({ live: true }),
    );
  }

  for (const url of ['/v2/health/ready', '/readyz']) {
    app.get(url, { schema: OPERATIONS.ready }, async (_, reply) => {
      const reason = reasonNow();
      reply.header('cache-control', 'no-store');
      return reason === undefined ? reply.send({ ready: true }) : reply.code(503).send({ ready: false, reason });
    });
  }
}
