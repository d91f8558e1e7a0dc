import type { PreparedModel } from '../prepare/prepared.js';

/**
 * - `on-demand`: it could be prepared; {@link ModelRepository.want} begins.
 * - `preparing`: known, and not yet to be used; `progress` says how far it is.
 * - `missing`: its files are not here, or it was unloaded; `reason` says how to get it.
 * - `failed`: it cannot be served; `reason` says why.
 */
export type ModelStatus = 'on-demand' | 'ready' | 'preparing' | 'missing' | 'failed';

export interface ModelEntry {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly status: ModelStatus;
  /** Whether it is prepared only when it is asked for: nobody waits for it before that. */
  readonly onDemand?: boolean;
  /** Whether its weights are random: its answers mean nothing. */
  readonly untrained?: boolean;
  /** In plain words. Of one that is `ready` it is about the version that is to take its place: being prepared, or why it is not served. */
  readonly reason?: string;
  /** {@link ModelError.code} of what is wrong. */
  readonly code?: string;
  readonly progress?: { readonly stage: string; readonly done: number; readonly total: number };
  /** Present if and only if `status` is `ready`. */
  readonly prepared?: PreparedModel;
}

/** What listeners are told: how a model is now, or that it is in no list any more. */
export type ModelChange = ModelEntry | { readonly name: string; readonly status: 'removed' };

/** Of an entry that an operator took out of service. */
export const UNLOADED = 'unloaded';

/** Nobody prepares it unless somebody asks again. */
export function isUnloaded({ code }: ModelEntry): boolean {
  return code === UNLOADED;
}
