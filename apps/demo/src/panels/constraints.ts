import type { Codec } from '@cutpoint/client';
import { byId, el } from '../dom.js';
import { formatDrop } from '../format.js';
import { ACCURACY_DROPS, CODECS, DEADLINES_MS, type PageState, UPLINKS_KB } from '../page-state.js';
import { measuredAccuracy, measuredCodec, measuredInput, measuredSent, measuredTime } from '../play/effects.js';
import type { MeasuredRows } from './measured-rows.js';
import { type Option, select } from './select.js';

const CODEC_WORDS: Readonly<Record<Codec, string>> = {
  f32: 'f32: as it is',
  'f32+deflate': 'f32+deflate: as it is, deflated',
  f16: 'f16: half precision',
  'f16+deflate': 'f16+deflate: half precision, deflated',
  u8: 'u8: 8 bits',
  'u8+deflate': 'u8+deflate: 8 bits, deflated',
  jpeg: 'jpeg: the picture alone',
  webp: 'webp: the picture alone',
};

/** What every way of running the network has to keep to; what does not is excluded, and says so among the arms. */
export function addConstraints(
  state: PageState,
  rows: MeasuredRows,
  onChange: (part: Partial<PageState>) => void,
): void {
  const codec = select(
    'codec',
    [['', 'whatever is fastest'], ...CODECS.map((name): Option => [name, CODEC_WORDS[name]])],
    state.codec ?? '',
    (value) => onChange({ codec: CODECS.find((name) => name === value) }),
  );
  const keep = el('input', { type: 'checkbox', 'data-testid': 'keep-input', checked: state.keepInputOnDevice });
  keep.addEventListener('change', () => onChange({ keepInputOnDevice: keep.checked }));
  const numbers = (
    testId: string,
    none: string,
    offered: readonly number[],
    words: (value: number) => string,
    value: number | undefined,
    onPick: (value: number | undefined) => void,
  ): HTMLSelectElement =>
    select(
      testId,
      [['', none], ...offered.map((each): Option => [String(each), words(each)])],
      String(value ?? ''),
      (picked) => onPick(picked === '' ? undefined : Number(picked)),
    );
  const accuracy = numbers(
    'accuracy',
    'what the client allows by itself',
    ACCURACY_DROPS,
    (drop) => (drop === 0 ? 'nothing' : `at most ${formatDrop(drop)}`),
    state.maxAccuracyDrop,
    (maxAccuracyDrop) => onChange({ maxAccuracyDrop }),
  );
  const uplink = numbers(
    'uplink-limit',
    'as much as helps',
    UPLINKS_KB,
    (kilobytes) => `${kilobytes} KB/s in the mean`,
    state.maxUplinkKBPerSecond,
    (maxUplinkKBPerSecond) => onChange({ maxUplinkKBPerSecond }),
  );
  const deadline = numbers(
    'deadline',
    'none',
    DEADLINES_MS,
    (ms) => `${ms} ms, or an error`,
    state.deadlineMs,
    (deadlineMs) => onChange({ deadlineMs }),
  );
  byId('constraints', HTMLElement).append(
    rows.add('Codec of what crosses', codec, 'codec', measuredCodec),
    rows.add('The input stays on this device', keep, 'keep-input', measuredInput),
    rows.add('Accuracy that may be lost by it', accuracy, 'accuracy', measuredAccuracy),
    rows.add('What may be sent', uplink, 'uplink-limit', measuredSent),
    rows.add('Deadline of one inference', deadline, 'deadline', measuredTime),
  );
}
