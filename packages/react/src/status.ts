import type { DeviceChoice, Progress, Session, SessionState } from '@cutpoint/client';

/** What {@link useCutpoint} gives: where the session stands. */
export type Cutpoint = Connecting | Ready | Failed;

/** There is no session yet: the edge was asked, or still prepares the model. */
export interface Connecting {
  readonly status: 'connecting';
  readonly session?: undefined;
  readonly error?: undefined;
  /** How far it is; `undefined` until something was heard. */
  readonly progress: Progress | undefined;
}

/** The session runs inferences. It stays the same one while the edge is away; see {@link Ready.connection}. */
export interface Ready {
  readonly status: 'ready';
  readonly session: Session;
  readonly error?: undefined;
  /** `offline`: the edge cannot be reached; the session tries again by itself, and runs alone if it can. */
  readonly connection: SessionState;
  /** Where heads run now; `undefined` until that is chosen. */
  readonly device: DeviceChoice | undefined;
}

/** There is no session, and nothing tries to get one. */
export interface Failed {
  readonly status: 'failed';
  readonly session?: undefined;
  /** A `CutpointError`, whose `code` says what to do, unless the options themselves were wrong. */
  readonly error: Error;
  /** Connects anew. */
  readonly retry: () => void;
}

/** Before anything was heard, and on a server. */
export const CONNECTING: Connecting = Object.freeze({ status: 'connecting', progress: undefined });
