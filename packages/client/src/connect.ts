import { ConnectedSession } from './connected-session.js';
import { DEFAULT_CONNECT_OPTIONS } from './defaults.js';
import { SharedEdge } from './edge.js';
import { CutpointError, orAborted, throwIfAborted } from './errors.js';
import { weightRules } from './heads/weight-rules.js';
import { EdgeHttp } from './http.js';
import { fetchManifest } from './manifest.js';
import type { ConnectOptions, Session } from './session.js';

/** How long the first connection may take once the edge has answered over HTTP. */
const FIRST_CONNECTION_MS = 10_000;

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
  const {
    model,
    signal,
    token,
    share,
    shape,
    onProgress,
    device = DEFAULT_CONNECT_OPTIONS.device,
    policy = DEFAULT_CONNECT_OPTIONS.policy,
    objective = DEFAULT_CONNECT_OPTIONS.objective,
  } = options;
  throwIfAborted(signal);
  const baseUrl = baseOf(url);
  const http = new EdgeHttp(baseUrl, token);
  const shared = share instanceof ConnectedSession && share.edge.baseUrl.href === baseUrl.href ? share.edge : undefined;
  if (shared && share?.state === 'closed') throw CutpointError.closed('session to share with');
  // Begun first: workers that start hold up the page's thread.
  const coming = fetchManifest(http, model, (progress) => onProgress?.(progress), signal);
  const { edge, ready } = shared
    ? { edge: shared.acquire(), ready: Promise.resolve() }
    : SharedEdge.open({ baseUrl, token, device, model, shape }, http);
  let session: ConnectedSession | undefined;
  try {
    const manifest = await orAborted(coming, signal);
    // What compresses pictures starts while the device is chosen.
    if (manifest.variants.some(({ image }) => image)) void edge.pictures.codecs();
    await orAborted(ready, signal);
    if (shared && shape) edge.setShape(shape);
    session = new ConnectedSession({
      edge,
      manifest,
      choice: { policy, objective, constraints: options },
      weights: weightRules(options),
      onProgress,
    });
    // The cut table comes meanwhile.
    session.warmUp();
    await edge.connection.whenOnline(FIRST_CONNECTION_MS, signal);
    return session;
  } catch (error) {
    if (session) await session.close();
    else edge.release();
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
