'use client';

export type { EdgeOptions, ModelOptions } from './open-sessions.js';
export { CutpointProvider, type CutpointProviderProps } from './provider.js';
export type { Connecting, Cutpoint, Failed, Ready } from './status.js';
export { useCutpoint } from './use-cutpoint.js';
export { useLatest, useTrace } from './use-latest.js';
