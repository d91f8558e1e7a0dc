import { test } from '@playwright/test';
import type { Edge } from './edge.js';

/** An edge for the tests of a file or a group: started before the first, stopped after the last. */
export function serveEdge(start: () => Promise<Edge>): () => Edge {
  let edge: Edge | undefined;
  test.beforeAll(async () => {
    test.setTimeout(300_000);
    edge = await start();
  });
  test.afterAll(async () => {
    await edge?.stop();
  });
  return () => {
    if (edge === undefined) throw new Error('The edge has not started.');
    return edge;
  };
}
