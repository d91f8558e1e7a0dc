import { packedBytes } from '@cutpoint/onnx';
import type { InferenceSession } from 'onnxruntime-node';

/**
 * How a session holds its weights, from the one that shares most with other sessions over the same packs to the one that
 * shares nothing:
 *
 * - `mapped-plain`: all of them stay in the mapped files. No optimisation that writes weights anew, so convolutions run in their
 *   ordinary layout, which is slower.
 * - `mapped`: only convolutions have weights of their own, in the layout that is fastest.
 * - `own`: onnxruntime's default. Each session has a copy of everything, in whatever order its kernels like best.
 */
export const WEIGHTS = ['mapped-plain', 'mapped', 'own'] as const;
export type Weights = (typeof WEIGHTS)[number];

const MAPPED: InferenceSession.SessionOptions = { extra: { session: { disable_prepacking: '1' } } };

export const WEIGHT_OPTIONS: Readonly<Record<Weights, InferenceSession.SessionOptions>> = {
  'mapped-plain': { ...MAPPED, graphOptimizationLevel: 'extended' },
  mapped: MAPPED,
  own: {},
};

/** Of a session with hardly any weights: its arena, and what onnxruntime knows of its graph. */
const BARE_SESSION_BYTES = 8 * 1024 * 1024;

/** About what one session costs beyond what it shares, by its graph. */
export function sessionBytes(graph: Uint8Array, weights: Weights): number {
  switch (weights) {
    case 'mapped-plain':
      return BARE_SESSION_BYTES;
    case 'mapped':
      return BARE_SESSION_BYTES + packedBytes(graph, 'Conv');
    case 'own':
      return BARE_SESSION_BYTES + packedBytes(graph);
  }
}
