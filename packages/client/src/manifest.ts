import { type Manifest, type ModelStatus, ProtocolError, parseManifest, parseModelList } from '@cutpoint/protocol';
import { CutpointError, orAborted } from './errors.js';
import { type EdgeHttp, edgeErrorOf, refusal } from './http.js';
import type { Progress } from './session.js';

/** How often a model that the edge still prepares is asked for. */
const PREPARING_POLL_MS = 500;

/** The manifest of one model. Waits while the edge is still preparing it. */
export async function fetchManifest(
  http: EdgeHttp,
  model: string,
  onProgress: (progress: Progress) => void,
  signal?: AbortSignal,
): Promise<Manifest> {
  const path = manifestPath(model);
  onProgress({ stage: 'manifest', loadedBytes: 0, totalBytes: 0 });
  for (let isLast = false; ; ) {
    const { status, body } = await http.json(path, signal);
    // 202 says that the edge is preparing it.
    if (status === 200) return checked(parseManifest(body), path);
    const error = edgeErrorOf(body);
    if (status === 401 || status === 403) throw refusal(status, error, path);
    // It may have become ready between two questions; after a second refusal it has not.
    if (isLast) throw refusal(status, error, path);
    await untilReady(http, model, onProgress, signal, status);
    isLast = true;
  }
}

/**
 * Asks how far the edge is until the model is ready; throws when it never will be.
 * @param status what the edge answered to a question for the model
 */
export async function untilReady(
  http: EdgeHttp,
  model: string,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal | undefined,
  status = 404,
): Promise<void> {
  for (;;) {
    const listed = await listModels(http, signal);
    const known = listed.find(({ name }) => name === model);
    if (!known) throw unknownModel(model, listed, status);
    if (known.status === 'ready') return;
    if (known.status === 'on-demand') {
      // The edge started anew since the model was asked for; asking has it prepared.
      await http.json(manifestPath(model), signal);
    } else if (known.status !== 'preparing') {
      const why = known.reason ?? 'no reason was given';
      throw new CutpointError('model_not_ready', `The edge cannot serve "${model}": ${why}`, {
        ...(known.code === undefined ? {} : { edgeCode: known.code }),
      });
    }
    const detail = `the edge prepares the model: ${known.progress?.stage ?? 'waiting for its turn'}`;
    onProgress({ stage: 'manifest', loadedBytes: 0, totalBytes: 0, detail });
    await orAborted(new Promise((resolve) => setTimeout(resolve, PREPARING_POLL_MS)), signal);
  }
}

function manifestPath(model: string): string {
  return `v1/models/${encodeURIComponent(model)}/manifest`;
}

async function listModels(http: EdgeHttp, signal: AbortSignal | undefined): Promise<readonly ModelStatus[]> {
  const path = 'v1/models';
  const { status, body } = await http.json(path, signal);
  if (status !== 200) throw refusal(status, edgeErrorOf(body), path);
  return checked(parseModelList(body), path).models;
}

function unknownModel(model: string, listed: readonly ModelStatus[], status: number): CutpointError {
  if (status !== 404 && listed.length === 0) {
    return new CutpointError(
      'edge_error',
      `The edge answered ${status} to the manifest of "${model}" and lists no models.`,
    );
  }
  const names = listed.map(({ name }) => `"${name}"`).join(', ');
  return new CutpointError(
    'unknown_model',
    `There is no model "${model}" at this edge; ${names ? `it serves ${names}` : 'it serves none'}.`,
  );
}

export function checked<T>(value: T | ProtocolError, path: string): T {
  if (value instanceof ProtocolError) {
    throw new CutpointError(
      'bad_manifest',
      `The edge's answer to ${path} is not one of this version: ${value.message}`,
      {
        cause: value,
      },
    );
  }
  return value;
}
