import { ClientSession } from './client-session.js';
import { EdgeAccess } from './edge-access.js';
import { firstServing } from './edges/first-serving.js';
import { CutpointError, orAborted, throwIfAborted } from './errors.js';
import { fetchManifest } from './manifest.js';
import type { ConnectOptions, EdgeAddress, Session } from './session.js';

/**
 * Connects to an edge and gives a session of one of its models, as soon as the edge has said what that is. It can run at once,
 * fully at the edge; what decides, onnxruntime-web and weights arrive after the first result, and the cut moves as they do.
 * Waits while the edge still prepares the model.
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
  const { model, signal, token, share, shape, onProgress } = options;
  throwIfAborted(signal);
  const edges = edgesOf(address);
  const shared = share instanceof ClientSession && share.access.choice.isAmong(edges) ? share.access : undefined;
  if (shared && share?.state === 'closed') throw CutpointError.closed('session to share with');
  const access = shared ? shared.acquire() : new EdgeAccess({ edges, token });
  try {
    if (shape) access.setShape(shape);
    access.connection.open();
    const coming = firstServing(
      shared ? [shared.baseUrl] : edges,
      (edge, ends) => fetchManifest(access.http.at(edge), model, (progress) => onProgress?.(progress), ends),
      access.clock,
      signal,
    );
    const { edge, answer: manifest } = await orAborted(coming, signal);
    access.choice.moveTo(edge);
    return new ClientSession({ access, manifest, options });
  } catch (error) {
    access.release();
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
