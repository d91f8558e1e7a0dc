import type { FastifyInstance } from 'fastify';
import type { EdgeMetrics } from '../metrics/edge-metrics.js';
import { OPERATIONS } from '../openapi/operations.js';
import type { MetricsAccess } from '../server/options.js';

export const METRICS_ROUTE = '/metrics';

/** Counts the answers of routes that are installed after it, and says what was counted. */
export function installMetrics(app: FastifyInstance, metrics: EdgeMetrics, access: MetricsAccess): void {
  if (access === 'nobody') return;
  app.addHook('onResponse', async (_, reply) => metrics.responded(reply.statusCode));
  const schema = access === 'everybody' ? { ...OPERATIONS.metrics, security: [] } : OPERATIONS.metrics;
  app.get(METRICS_ROUTE, { schema }, async (_, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.text()),
  );
}
