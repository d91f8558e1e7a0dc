import type { Session, SessionEvents, Trace } from '@cutpoint/client';
import { useMemo, useSyncExternalStore } from 'react';

/**
 * What the last inference of the session was, stage by stage; `undefined` before the first that ended while the component
 * was mounted. Renders once for each.
 *
 * ```tsx
 * const { session } = useCutpoint('ppocr-rec');
 * const trace = useTrace(session);
 * return <output>{trace && `${trace.totalMs.toFixed()} ms, cut at ${trace.cut}`}</output>;
 * ```
 */
export function useTrace(session: Session | undefined): Trace | undefined {
  return useLatest(session, 'trace');
}

/** The same for any other event of a session: `decision`, `load`, `link`, `progress`, … */
export function useLatest<K extends keyof SessionEvents>(
  session: Session | undefined,
  event: K,
): SessionEvents[K] | undefined {
  const latest = useMemo(() => latestOf(session, event), [session, event]);
  return useSyncExternalStore(latest.subscribe, latest.get, latest.get);
}

function latestOf<K extends keyof SessionEvents>(session: Session | undefined, event: K) {
  let latest: SessionEvents[K] | undefined;
  return {
    get: () => latest,
    subscribe: (onChange: () => void) =>
      session?.on(event, (value) => {
        latest = value;
        onChange();
      }) ?? (() => {}),
  };
}
