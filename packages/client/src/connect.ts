import { ClientSession } from './client-session.js';
import { EdgeAccess } from './edge-access.js';
import { CutpointError, throwIfAborted } from './errors.js';
import { fetchManifest } from './manifest.js';
import type { ConnectOptions, Session } from './session.js';

/**
 * Connects to an edge and gives a session of one of its models. It can run at once, fully at the edge; onnxruntime-web
 * and weights arrive in the background, and the cut moves as they do. Waits while the edge still prepares the model.
 *
 * ```ts
 * const session = await connect('https://edge.example', { model: 'squeezenet' });
 * const { outputs, trace } = await session.runImage(file);
 * ```
 * @param url address of the edge, absolute or relative to the page
 * @throws CutpointError `unknown_model`, `edge_unreachable`, `unauthorised`, `model_not_ready`, `bad_manifest`,
 *   `runtime_failed`, `aborted`
 */
export async function connect(url: string | URL, options: ConnectOptions): Promise<Session> {
  const { model, signal, token, share, shape, onProgress } = options;
  throwIfAborted(signal);
  const baseUrl = baseOf(url);
  const shared =
    share instanceof ClientSession && share.access.baseUrl.href === baseUrl.href ? share.access : undefined;
  if (shared && share?.state === 'closed') throw CutpointError.closed('session to share with');
  const access = shared ? shared.acquire() : new EdgeAccess({ baseUrl, token });
  try {
    if (shape) access.setShape(shape);
    access.connection.open();
    const manifest = await fetchManifest(access.http, model, (progress) => onProgress?.(progress), signal);
    return new ClientSession({ access, manifest, options });
  } catch (error) {
    access.release();
    throw error;
  }
}

function baseOf(url: string | URL): URL {
  const base = new URL(url, globalThis.location?.href);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  base.search = '';
  base.hash = '';
  return base;
}
