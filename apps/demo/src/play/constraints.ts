import type { SessionConstraints } from '@cutpoint/client';
import type { PageState } from '../page-state.js';

/** What of the state the client is asked to keep to. */
export const CONSTRAINTS = [
  'codec',
  'keepInputOnDevice',
  'maxAccuracyDrop',
  'maxUplinkKBPerSecond',
  'deadlineMs',
] as const;

export function constraintsOf(state: Pick<PageState, (typeof CONSTRAINTS)[number]>): SessionConstraints {
  const { codec, keepInputOnDevice, maxAccuracyDrop, maxUplinkKBPerSecond, deadlineMs } = state;
  return {
    ...(codec === undefined ? {} : { codecs: [codec] }),
    ...(keepInputOnDevice ? { keepInputOnDevice } : {}),
    ...(maxAccuracyDrop === undefined ? {} : { maxAccuracyDrop }),
    ...(maxUplinkKBPerSecond === undefined ? {} : { maxUplinkBytesPerSecond: maxUplinkKBPerSecond * 1000 }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  };
}
