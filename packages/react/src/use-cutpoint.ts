import { useCallback, useContext, useMemo, useSyncExternalStore } from 'react';
import { keyOf, type ModelOptions } from './open-sessions.js';
import { OpenSessionsContext } from './provider.js';
import { CONNECTING, type Cutpoint } from './status.js';

const NO_OPTIONS: ModelOptions = Object.freeze({});

/**
 * The session of a model at the provider's edge, for as long as the component is mounted. Components that ask for the same
 * model with the same options share one session; all sessions below a provider share one connection. Never close it: the
 * last component that uses it does by unmounting. Another model, or another option, gives another session and closes
 * the one before; its runs that have not settled reject with `closed`.
 *
 * ```tsx
 * function Reader({ picture }: { picture: Blob }) {
 *   const { status, session, error } = useCutpoint('ppocr-rec');
 *   if (status === 'failed') return <p>{error.message}</p>;
 *   return <button disabled={!session} onClick={() => session?.runImage(picture)}>Read</button>;
 * }
 * ```
 * @param model name under which the edge serves it
 * @param options compared by what they say, so they may be written in place
 */
export function useCutpoint(model: string, options: ModelOptions = NO_OPTIONS): Cutpoint {
  const sessions = useContext(OpenSessionsContext);
  if (!sessions) throw new Error('useCutpoint needs a <CutpointProvider> above it, which says where the edge is.');
  const key = keyOf({ model, options });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is all that the two say.
  const wanted = useMemo(() => ({ model, options }), [key]);
  return useSyncExternalStore(
    useCallback((onChange: () => void) => sessions.hold(wanted, onChange), [sessions, wanted]),
    () => sessions.status(key),
    () => CONNECTING,
  );
}
