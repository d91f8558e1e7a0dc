import type { LinkState } from '@cutpoint/partition';
import type { SessionEvents } from './session.js';

/** What is known of the link, and a text that changes only with what was measured. */
export function linkEvent(
  link: LinkState,
  edgeUrl: string,
  nowMs: number,
): { readonly event: SessionEvents['link']; readonly measured: string } {
  const { uplink, downlink, fixed } = link;
  const up = uplink.measuredRate;
  const down = downlink.measuredRate;
  const roundTrip = fixed.estimate(nowMs);
  const fixedMs = Number.isFinite(roundTrip.ageMs) ? roundTrip.value : undefined;
  const event = {
    edgeUrl,
    ...(up === undefined ? {} : { uplinkBytesPerMs: up, uplinkAgeMs: uplink.estimate(nowMs).ageMs }),
    ...(down === undefined ? {} : { downlinkBytesPerMs: down, downlinkAgeMs: downlink.estimate(nowMs).ageMs }),
    ...(fixedMs === undefined ? {} : { fixedMs }),
  };
  return { event, measured: [edgeUrl, up, down, fixedMs].join() };
}
