import type { DeviceCandidate, DeviceMeasurement } from '../session.js';

/** A measurement in one sentence. */
export function wordsOf({ candidates, head, remembered }: DeviceMeasurement): string {
  const [best, ...others] = [...candidates].sort((a, b) => (a.ms ?? Infinity) - (b.ms ?? Infinity)).map(candidateWords);
  const when = remembered ? 'measured at an earlier visit' : 'measured here';
  return others.length === 0 ? `${best} (${head}), ${when}.` : `${best}, ${others.join(', ')} (${head}), ${when}.`;
}

function candidateWords({ kind, threads, ms }: DeviceCandidate): string {
  const name = kind === 'webgpu' ? 'WebGPU' : `WASM with ${threads} thread${threads === 1 ? '' : 's'}`;
  return `${name} ${ms === undefined ? 'could not' : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`}`;
}
