import type { ProfiledTail } from '@cutpoint/partition';
import type { ServedCut } from '../server/served-version.js';

/** What the cut table says of a tail. */
export function profiledTail({ cut, graphFile }: ServedCut): ProfiledTail {
  return { graph: graphFile ?? '', tailMs: cut.tailMs, timed: cut.timed };
}
