import { SYSTEM_CLOCK } from './clock.js';
import { ConnectedSession } from './connected-session.js';
import { DEFAULT_CONNECT_OPTIONS } from './defaults.js';
import { SharedEdge } from './edge.js';
import { firstServing } from './edges/first-serving.js';
import { CutpointError, orAborted, throwIfAborted } from './errors.js';
import { weightRules } from './heads/weight-rules.js';
import { EdgeHttp } from './http.js';
import { fetchManifest } from './manifest.js';
import type { ConnectOptions, EdgeAddress, Session } from './session.js';

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
 * @param address of the edge; or of several in the order of preference, of which the first that serves the model is used, and
 *   another one while that is away. They serve the same model: the same weights and variants, each with its own timings
 * @throws CutpointError `unknown_model`, `edge_unreachable`, `unauthorised`, `model_not_ready`, `bad_manifest`,
 *   `aborted`
 */
export async function connect(
  address: EdgeAddress | readonly EdgeAddress[],
  options: ConnectOptions,
): Promise<Session> {
  const {
    model,
    signal,
    token,
    share,
    shape,
    onProgress,
    onWarning,
    device = DEFAULT_CONNECT_OPTIONS.device,
    policy = DEFAULT_CONNECT_OPTIONS.policy,
    objective = DEFAULT_CONNECT_OPTIONS.objective,
  } = options;
  throwIfAborted(signal);
  const edges = edgesOf(address);
  const http = new EdgeHttp(edges[0], token);
  const shared = share instanceof ConnectedSession && share.edge.choice.isAmong(edges) ? share.edge : undefined;
  if (shared && share?.state === 'closed') throw CutpointError.closed('session to share with');
  // Begun first: workers that start hold up the page's thread.
  const coming = firstServing(
    shared ? [shared.baseUrl] : edges,
    (edge, ends) => fetchManifest(http.at(edge), model, (progress) => onProgress?.(progress), ends),
    SYSTEM_CLOCK,
    signal,
  );
  const { edge, ready } = shared
    ? { edge: shared.acquire(), ready: Promise.resolve() }
    : SharedEdge.open({ edges, token, device, model, shape }, http);
  let session: ConnectedSession | undefined;
  try {
    const { edge: serving, answer: manifest } = await orAborted(coming, signal);
    edge.choice.moveTo(serving);
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
      onWarning,
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

/** Each once. */
function edgesOf(address: EdgeAddress | readonly EdgeAddress[]): [URL, ...URL[]] {
  const all = (typeof address === 'string' || address instanceof URL ? [address] : address).map(baseOf);
  const [first, ...others] = all.filter(({ href }, index) => all.findIndex((edge) => edge.href === href) === index);
  if (!first) throw new TypeError('`connect` needs the address of an edge; the list is empty');
  return [first, ...others];
}

function baseOf(url: EdgeAddress): URL {
  const base = new URL(url, globalThis.location?.href);
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  base.search = '';
  base.hash = '';
  return base;
}
