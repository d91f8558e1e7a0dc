import type { ConnectOptions, connect, EdgeAddress, Session } from '@cutpoint/client';
import { HeldSession } from './held-session.js';
import { CONNECTING, type Cutpoint } from './status.js';

/** One edge, or several of which one is used, and this device: the same for every model that is used below a provider. */
export interface EdgeOptions extends Pick<ConnectOptions, 'token' | 'device'> {
  /** Address of the edge, absolute or relative to the page; or of several in the order of preference. */
  readonly url: EdgeAddress | readonly EdgeAddress[];
}

/** What `connect` takes, without what the provider and the hook see to. */
export type ModelOptions = Omit<
  ConnectOptions,
  keyof EdgeOptions | 'model' | 'share' | 'shape' | 'signal' | 'onProgress'
>;

/** A model with the options that its session is opened with. */
export interface Wanted {
  readonly model: string;
  readonly options: ModelOptions;
}

/** Equal for equal options, in whatever order they were written. */
export function keyOf({ model, options }: Wanted): string {
  return JSON.stringify([model, Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/**
 * The sessions of one edge that components use now: one for all that want the same model with the same options. They
 * share one connection and one runtime, so they are opened one after the other: each joins one that is open.
 */
export class OpenSessions {
  readonly #edge: EdgeOptions;
  readonly #connect: typeof connect;
  readonly #held = new Map<string, HeldSession>();

  constructor(edge: EdgeOptions, connectTo: typeof connect) {
    this.#edge = edge;
    this.#connect = connectTo;
  }

  status(key: string): Cutpoint {
    return this.#held.get(key)?.status ?? CONNECTING;
  }

  /** Opens the session, or joins who holds it; `onChange` hears of every new status. @returns what lets go of it */
  hold(wanted: Wanted, onChange: () => void): () => void {
    const key = keyOf(wanted);
    const held = this.#held.get(key) ?? this.#add(key, wanted);
    return held.hold(onChange);
  }

  #add(key: string, { model, options }: Wanted): HeldSession {
    const { url, ...edge } = this.#edge;
    const held = new HeldSession({
      open: async (signal, onProgress) => {
        const share = await this.#another();
        return this.#connect(url, { ...edge, ...options, model, signal, onProgress, ...(share && { share }) });
      },
      onClosed: () => this.#held.delete(key),
    });
    this.#held.set(key, held);
    return held;
  }

  /** The first that is open; `undefined` when none will be. */
  async #another(): Promise<Session | undefined> {
    const session = await Promise.any([...this.#held.values()].map(({ opened }) => opened)).catch(() => undefined);
    return session?.state === 'closed' ? undefined : session;
  }
}
