import type { Arm } from '../arm.js';

/** What one layer costs, and what leaves it. */
export interface Layer {
  readonly headMs: number;
  readonly tailMs: number;
  readonly bytes: number;
}

/** The prefix arms of a chain of layers: arm p has the first p layers in its head. For tests. */
export function chainArms(inputBytes: number, layers: readonly Layer[], outputBytes = 4_000): Arm[] {
  const sum = (part: readonly Layer[], of: 'headMs' | 'tailMs') => part.reduce((total, layer) => total + layer[of], 0);
  return Array.from({ length: layers.length + 1 }, (_, cut): Arm => {
    const isLocal = cut === layers.length;
    return {
      cut,
      codec: 'f32',
      headMs: sum(layers.slice(0, cut), 'headMs'),
      tailMs: sum(layers.slice(cut), 'tailMs'),
      bytesUp: isLocal ? 0 : (layers[cut - 1]?.bytes ?? inputBytes),
      bytesDown: isLocal ? 0 : outputBytes,
      usesEdge: !isLocal,
      isPrefix: true,
    };
  });
}

/** Ten equal layers of 8 ms; the input is large, the crossings shrink: 600 KB, then 400 KB down to 9 KB. */
export function shrinkingNetwork(): Arm[] {
  const bytes = [400_000, 400_000, 200_000, 100_000, 60_000, 40_000, 30_000, 20_000, 12_000, 9_000];
  return chainArms(
    600_000,
    bytes.map((size) => ({ headMs: 8, tailMs: 8, bytes: size })),
  );
}
