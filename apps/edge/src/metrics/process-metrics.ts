import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/** Of the process, under the names that all Node programs have. There is one for all edges in it: its observers cannot be undone. */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
