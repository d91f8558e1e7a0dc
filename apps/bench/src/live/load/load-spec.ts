/** What other clients of the edge, and other programs on its core, do meanwhile. */
export interface LoadSpec {
  readonly name: string;
  /** Clients that always have a request at the edge. */
  readonly busyClients: number;
  /** Requests that come at random (Poisson), so many that their tails would keep an idle edge busy for this share. */
  readonly utilisation: number;
  /** Whether another program always wants the edge's core. */
  readonly hasNeighbour: boolean;
}

export const LOADS: Readonly<Record<'idle' | 'medium' | 'heavy', LoadSpec>> = Object.freeze({
  idle: { name: 'idle', busyClients: 0, utilisation: 0, hasNeighbour: false },
  medium: { name: 'medium', busyClients: 0, utilisation: 0.5, hasNeighbour: false },
  heavy: { name: 'heavy', busyClients: 3, utilisation: 0, hasNeighbour: true },
});

/** What the load's process is told. */
export interface LoadOrder {
  readonly edgeUrl: string;
  /** Whose whole networks the other clients have run, in turn. */
  readonly models: readonly string[];
  readonly load: LoadSpec;
  readonly seed: number;
}
