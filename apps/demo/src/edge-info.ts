import { type CutTable, type ModelList, type ModelStatus, parseCutTable, parseModelList } from '@cutpoint/client';
import { EDGE_TOKEN } from './token.js';

export const HEADERS: Readonly<Record<string, string>> =
  EDGE_TOKEN === undefined ? {} : { Authorization: `Bearer ${EDGE_TOKEN}` };

/** The edge that serves this page. */
export const EDGE_URL = new URL('/', location.href).href;

/** What the edge says of every model it knows, and of itself. Rejects when it cannot be reached. */
export async function fetchModelList(): Promise<ModelList> {
  const list = parseModelList(await fetchJson('v1/models'));
  if (list instanceof Error) throw list;
  return list;
}

/** Has the edge prepare a model that is on demand: asking for its manifest does. Rejects when the edge cannot be reached. */
async function askFor(model: string): Promise<void> {
  await fetch(new URL(`v1/models/${encodeURIComponent(model)}/manifest`, EDGE_URL), { headers: HEADERS });
}

/** How often the edge is asked how far it is with a model that it prepares. */
const PREPARING_POLL_MS = 700;

/** `connect` waits by itself; asking here first shows how far the edge is, step by step. */
export async function whenPrepared(
  names: readonly string[],
  onPreparing: (unready: ModelStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    // An edge that does not answer is for `connect` to report.
    const models = await fetchModelList().then(
      (list) => list.models,
      () => [],
    );
    signal.throwIfAborted();
    const unready = models.find(
      ({ name, status }) => names.includes(name) && (status === 'preparing' || status === 'on-demand'),
    );
    if (unready === undefined) return;
    if (unready.status === 'on-demand') await askFor(unready.name).catch(() => undefined);
    signal.throwIfAborted();
    onPreparing(unready);
    await new Promise((resolve) => setTimeout(resolve, PREPARING_POLL_MS));
    signal.throwIfAborted();
  }
}

const tables = new Map<string, Promise<CutTable>>();

/** The cuts of one variant, for the ribbon. Named by its content, so it is fetched once. */
export function fetchTable(sha256: string): Promise<CutTable> {
  const known = tables.get(sha256);
  if (known) return known;
  const fetched = fetchJson(`v1/tables/${sha256}`).then((body) => {
    const table = parseCutTable(body);
    if (table instanceof Error) throw table;
    return table;
  });
  tables.set(sha256, fetched);
  fetched.catch(() => tables.delete(sha256));
  return fetched;
}

async function fetchJson(path: string): Promise<unknown> {
  const response = await fetch(new URL(path, EDGE_URL), { headers: HEADERS });
  if (!response.ok) throw new Error(`The edge answered ${response.status} to ${path}.`);
  return response.json();
}
