import { type CutTable, parseCutTable } from '@cutpoint/protocol';
import { CutpointError } from './errors.js';
import { type EdgeHttp, edgeErrorOf, refusal } from './http.js';
import { checked } from './manifest.js';

/** The cuts of one variant; a table never changes, its name is its hash. */
export async function fetchCutTable(http: EdgeHttp, sha256: string, signal?: AbortSignal): Promise<CutTable> {
  const path = `v1/tables/${sha256}`;
  const { status, body } = await http.json(path, signal);
  if (status === 404) {
    throw new CutpointError('stale_manifest', 'The edge no longer has this version of the model; connect again.');
  }
  if (status < 200 || status >= 300) throw refusal(status, edgeErrorOf(body), path);
  return checked(parseCutTable(body), path);
}
