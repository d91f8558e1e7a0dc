import { setTimeout as delay } from 'node:timers/promises';
import { type LoadReport, ProtocolError, parseCutTable, parseManifest } from '@cutpoint/protocol';
import type { PreparedModel } from '../prepare/prepared.js';

/** A model as its documents describe it, to send requests for its first variant. */
export async function servedModel(
  url: string,
  name: string,
  headers: Record<string, string> = {},
): Promise<PreparedModel> {
  const get = async (path: string): Promise<unknown> => await (await fetch(`${url}/v1/${path}`, { headers })).json();
  const manifest = parseManifest(await get(`models/${name}/manifest`));
  if (manifest instanceof ProtocolError) throw manifest;
  const sha256 = manifest.variants[0]?.table ?? '';
  const table = parseCutTable(await get(`tables/${sha256}`));
  if (table instanceof ProtocolError) throw table;
  return {
    manifest,
    tables: new Map([[sha256, table]]),
    objectsDir: '',
    batchGraphs: new Map(),
    weights: 'own',
    notes: [],
  };
}

/** Asked for: the reports that are pushed come too seldom to show every moment of a tail of some hundred ms. */
export async function untilLoad(url: string, is: (load: LoadReport) => boolean): Promise<void> {
  for (;;) {
    const load = (await (await fetch(`${url}/v1/load`)).json()) as LoadReport;
    if (is(load)) return;
    await delay(5);
  }
}
