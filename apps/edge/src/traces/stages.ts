import type { RequestTrace } from './request-trace.js';

/** Part of a request's time, in whole microseconds since 1970. */
export interface Stage {
  readonly name: string;
  readonly startUs: number;
  readonly endUs: number;
}

/** The time of a request, and the stages in it. */
export interface StagedRequest {
  readonly startUs: number;
  readonly endUs: number;
  readonly stages: readonly Stage[];
}

/**
 * The stages lie within the request, one after the other, and each takes what the client was told. What is left of it between
 * `encode` and `reply` is the way to the worker thread and back, of which only the sum is known.
 */
export function stagesOf(trace: RequestTrace): StagedRequest {
  const { zeroAtMs, announcedAtMs, endedAtMs, timings } = trace;
  const startUs = us(zeroAtMs + announcedAtMs);
  if (timings === undefined) return unanswered(trace, startUs);
  const { uploadMs, queueMs, decodeMs, tailMs, encodeMs, totalMs } = timings;
  const measured = { upload: uploadMs, queue: queueMs, decode: decodeMs, tail: tailMs, encode: encodeMs };
  let atUs = startUs;
  const stages = Object.entries(measured).map(([name, ms]) => {
    const stage = { name, startUs: atUs, endUs: atUs + us(ms) };
    atUs = stage.endUs;
    return stage;
  });
  // Each was rounded by itself.
  const doneUs = Math.max(atUs, startUs + us(uploadMs) + us(totalMs));
  const endUs = Math.max(doneUs, us(zeroAtMs + endedAtMs));
  return { startUs, endUs, stages: [...stages, { name: 'reply', startUs: doneUs, endUs }] };
}

/** How far it came. Of a tail that ran and failed it is only known when it began. */
function unanswered(
  { zeroAtMs, announcedAtMs, isAdmitted, uploadedAtMs, startedAtMs, endedAtMs }: RequestTrace,
  startUs: number,
): StagedRequest {
  const endUs = Math.max(startUs, us(zeroAtMs + endedAtMs));
  if (!isAdmitted) return { startUs, endUs, stages: [] };
  const at = (ms: number) => Math.min(endUs, startUs + us(ms - announcedAtMs));
  if (uploadedAtMs === undefined) return { startUs, endUs, stages: [{ name: 'upload', startUs, endUs }] };
  const uploadedUs = at(uploadedAtMs);
  const startedUs = startedAtMs === undefined ? endUs : at(startedAtMs);
  return {
    startUs,
    endUs,
    stages: [
      { name: 'upload', startUs, endUs: uploadedUs },
      { name: 'queue', startUs: uploadedUs, endUs: startedUs },
    ],
  };
}

function us(ms: number): number {
  return Math.round(ms * 1000);
}
