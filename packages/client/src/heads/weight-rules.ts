import { DEFAULT_CONNECT_OPTIONS } from '../defaults.js';
import type { ConnectOptions } from '../session.js';

/** What may be downloaded, as things are at the moment. */
export interface WeightRules {
  /** Most bytes of weights in all. */
  maxBytes(): number;
  /** Whether weights may be fetched for the day on which the edge fails. */
  fetchesForRescue(): boolean;
}

/** The part of the browser's `navigator.connection` that is read here. Not every browser has it. */
export interface NetworkInformation {
  readonly saveData?: boolean;
  readonly type?: string;
  readonly effectiveType?: string;
}

const SLOW: readonly (string | undefined)[] = ['slow-2g', '2g', '3g'];

/** The app's word where it gave one; else what the user's connection allows, asked anew each time. */
export function weightRules(
  { maxWeightBytes, rescue }: Pick<ConnectOptions, 'maxWeightBytes' | 'rescue'>,
  network: () => NetworkInformation | undefined = networkOfBrowser,
): WeightRules {
  return {
    maxBytes: () => maxWeightBytes ?? (network()?.saveData ? 0 : DEFAULT_CONNECT_OPTIONS.maxWeightBytes),
    fetchesForRescue: () => (rescue ?? (spares(network()) ? 'off' : DEFAULT_CONNECT_OPTIONS.rescue)) === 'idle',
  };
}

function spares({ saveData, type, effectiveType }: NetworkInformation = {}): boolean {
  return saveData === true || type === 'cellular' || SLOW.includes(effectiveType);
}

export function networkOfBrowser(): NetworkInformation | undefined {
  // Missing in the DOM's types, as it is in some browsers.
  return (globalThis.navigator as { readonly connection?: NetworkInformation } | undefined)?.connection;
}
