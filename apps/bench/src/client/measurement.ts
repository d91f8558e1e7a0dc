import type { FigureName, Findings } from './figures.js';
import type { ClientGround } from './ground.js';
import type { ClientOptions } from './options.js';

/** What a measurement works with. */
export interface Setting {
  readonly options: ClientOptions;
  readonly print: (line: string) => void;
  /** Edge, page and model; made when first asked for. */
  ground(): Promise<ClientGround>;
}

export interface Measured {
  readonly findings: Findings;
  /** Whatever else belongs to them, for the result. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** One experiment, and the figures that come out of it. */
export interface Measurement {
  readonly figures: readonly FigureName[];
  measure(setting: Setting): Promise<Measured>;
}
