import { connect } from '@cutpoint/client';
import { createContext, createElement, type ReactElement, type ReactNode, useMemo } from 'react';
import { type EdgeOptions, OpenSessions } from './open-sessions.js';

/** Of {@link CutpointProvider}. */
export interface CutpointProviderProps extends EdgeOptions {
  readonly children?: ReactNode;
}

export const OpenSessionsContext = createContext<OpenSessions | undefined>(undefined);

/**
 * Says which edge the components below it use. It connects when one of them asks for a model, and another address, token
 * or device closes what was open.
 *
 * ```tsx
 * <CutpointProvider url="https://edge.example">
 *   <Reader />
 * </CutpointProvider>
 * ```
 */
export function CutpointProvider({ url, token, device, children }: CutpointProviderProps): ReactElement {
  // A list that is written in place is a new one each time.
  const key = JSON.stringify(url);
  const sessions = useMemo(
    () =>
      new OpenSessions(
        {
          url: JSON.parse(key) as string | string[],
          ...(token === undefined ? {} : { token }),
          ...(device === undefined ? {} : { device }),
        },
        connect,
      ),
    [key, token, device],
  );
  return createElement(OpenSessionsContext.Provider, { value: sessions }, children);
}
