import type { LinkShape } from '@cutpoint/client';
import { rateOf } from '../format.js';
import type { PageState } from '../page-state.js';

/** What of the state the link depends on. */
export const LINK = ['linkMbit', 'roundTripMs', 'pacedBy', 'cutOff'] as const;

/** What this page's own transport is to make of the link. */
export function shapeOf({ linkMbit, roundTripMs, pacedBy, cutOff }: PageState): LinkShape | undefined {
  if (cutOff) return { offline: true };
  if (pacedBy === 'edge' || (linkMbit === undefined && roundTripMs === 0)) return undefined;
  return { ...(linkMbit === undefined ? {} : rateOf(linkMbit)), roundTripMs };
}
