import { ConnectedSession, type SessionParts } from './connected-session.js';
import { DEFAULT_CONNECT_OPTIONS } from './defaults.js';
import { type DeviceWish, SharedEdge } from './edge.js';
import type { EdgeAccess } from './edge-access.js';
import { CutpointError, orAborted } from './errors.js';
import { weightRules } from './heads/weight-rules.js';
import type { ConnectOptions } from './session.js';
import type { RunnerOptions } from './variant-runner.js';

/** What `connect` does not wait for: all that decides, runs heads and keeps weights, loaded as a script of its own. */

const opened = new WeakMap<EdgeAccess, ReturnType<typeof SharedEdge.on>>();

export interface RestParts extends Omit<SessionParts, 'edge' | 'choice' | 'weights'> {
  readonly options: ConnectOptions;
  /** What the app chose, until the session is there. */
  readonly chosen: () => Pick<RunnerOptions, 'policy' | 'forced' | 'constraints'>;
  readonly life: AbortSignal;
}

/**
 * The session that takes over, when the device is chosen or cannot be.
 * @throws CutpointError `closed`
 */
export async function openSession(
  access: EdgeAccess,
  { options, chosen, life, ...parts }: RestParts,
): Promise<ConnectedSession> {
  const { model, device = DEFAULT_CONNECT_OPTIONS.device, objective = DEFAULT_CONNECT_OPTIONS.objective } = options;
  const { edge, ready } = openEdge(access, { device, model });
  await orAborted(ready, life).catch(() => {
    throw CutpointError.closed();
  });
  const choice = { ...chosen(), objective };
  const session = new ConnectedSession({ ...parts, edge, choice, weights: weightRules(options) });
  session.warmUp();
  return session;
}

/** One for all sessions that share the way to it. */
function openEdge(access: EdgeAccess, wish: DeviceWish): ReturnType<typeof SharedEdge.on> {
  const made = opened.get(access) ?? SharedEdge.on(access, wish);
  opened.set(access, made);
  return made;
}
