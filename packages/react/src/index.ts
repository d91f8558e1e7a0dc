/**
 * Hooks for `@cutpoint/client`: a {@link CutpointProvider} says which edge, {@link useCutpoint} gives the session of a model.
 *
 * @module react
 */

'use client';

export type { EdgeOptions, ModelOptions } from './open-sessions.js';
export { CutpointProvider, type CutpointProviderProps } from './provider.js';
export type { Connecting, Cutpoint, Failed, Ready } from './status.js';
export { useCutpoint } from './use-cutpoint.js';
export { useLatest, useTrace } from './use-latest.js';
