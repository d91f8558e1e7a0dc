import type { Codec, PolicyName } from '@cutpoint/client';

/** Everything that a person can choose on the page. It lives in the address, so that a link shows the same. */
export interface PageState {
  /** `ocr` reads text with two networks; any other value is a model of the edge. */
  readonly model: string;
  readonly policy: PolicyName;
  /** Forced cut per network, in the order in which they run; `undefined` leaves it to the policy. */
  readonly cuts: readonly (number | undefined)[];
  /** How whatever crosses travels, `undefined` leaves it to the policy. */
  readonly codec: Codec | undefined;
  readonly keepInputOnDevice: boolean;
  /** A share, `undefined` for what the client allows by itself. */
  readonly maxAccuracyDrop: number | undefined;
  /** Mean of what inferences may send, in KB (1,000 bytes) a second. */
  readonly maxUplinkKBPerSecond: number | undefined;
  /** Of each inference, in ms. */
  readonly deadlineMs: number | undefined;
  /** Uplink and downlink in Mbit/s, `undefined` for as fast as it goes. */
  readonly linkMbit: number | undefined;
  /** Added round trip, in ms. */
  readonly roundTripMs: number;
  /** Who makes the link as slow as that. */
  readonly pacedBy: 'page' | 'edge';
  /** The connection is cut. Not in the address: nobody wants to be sent a page that is cut off. */
  readonly cutOff: boolean;
  readonly device: 'auto' | 'webgpu' | 'wasm';
  /** Name of a sample picture. */
  readonly sample: string;
  /** Run again as soon as an answer is there. */
  readonly repeat: boolean;
}

export const POLICIES: readonly PolicyName[] = [
  'cutpoint',
  'loadpart',
  'neurosurgeon',
  'dads',
  'ans',
  'offload-compressed',
  'offload',
  'local',
];
export const CODECS: readonly Codec[] = [
  'f32',
  'f32+deflate',
  'f16',
  'f16+deflate',
  'u8',
  'u8+deflate',
  'jpeg',
  'webp',
];
export const ACCURACY_DROPS: readonly number[] = [0, 0.001, 0.005, 0.02, 0.1];
export const UPLINKS_KB: readonly number[] = [500, 200, 100, 50, 20];
export const DEADLINES_MS: readonly number[] = [1000, 500, 200, 100, 50];
export const LINKS_MBIT: readonly number[] = [32, 16, 8, 4, 2, 1];
export const ROUND_TRIPS_MS: readonly number[] = [0, 10, 20, 50, 100];
export const DEVICES = ['auto', 'webgpu', 'wasm'] as const;
export const OCR = 'ocr';

export const DEFAULT_STATE: PageState = Object.freeze({
  model: OCR,
  policy: 'cutpoint',
  cuts: [],
  codec: undefined,
  keepInputOnDevice: false,
  maxAccuracyDrop: undefined,
  maxUplinkKBPerSecond: undefined,
  deadlineMs: undefined,
  linkMbit: undefined,
  roundTripMs: 0,
  pacedBy: 'page',
  cutOff: false,
  device: 'auto',
  sample: 'invoice',
  repeat: false,
});

/** Values that the page does not offer fall back to the default; an unknown model is kept, so that the page can say so. */
export function parseState(query: string): PageState {
  const params = new URLSearchParams(query);
  const among = (offered: readonly number[], key: string): number | undefined =>
    offered.find((value) => String(value) === params.get(key));
  return {
    model: params.get('model') || DEFAULT_STATE.model,
    policy: POLICIES.find((policy) => policy === params.get('policy')) ?? DEFAULT_STATE.policy,
    cuts: parseCuts(params.get('cut')),
    codec: CODECS.find((codec) => codec === params.get('codec')),
    keepInputOnDevice: params.get('keep') === '1',
    maxAccuracyDrop: among(ACCURACY_DROPS, 'drop'),
    maxUplinkKBPerSecond: among(UPLINKS_KB, 'up'),
    deadlineMs: among(DEADLINES_MS, 'deadline'),
    linkMbit: among(LINKS_MBIT, 'link'),
    roundTripMs: among(ROUND_TRIPS_MS, 'rtt') ?? DEFAULT_STATE.roundTripMs,
    pacedBy: params.get('by') === 'edge' ? 'edge' : DEFAULT_STATE.pacedBy,
    cutOff: DEFAULT_STATE.cutOff,
    device: DEVICES.find((device) => device === params.get('device')) ?? DEFAULT_STATE.device,
    sample: params.get('sample') || DEFAULT_STATE.sample,
    repeat: params.get('repeat') === '1',
  };
}

/** Only what differs from the default, in a fixed order. */
export function formatState(state: PageState): string {
  const params = new URLSearchParams();
  if (state.model !== DEFAULT_STATE.model) params.set('model', state.model);
  if (state.policy !== DEFAULT_STATE.policy) params.set('policy', state.policy);
  const cuts = state.cuts.slice(0, state.cuts.findLastIndex((cut) => cut !== undefined) + 1);
  if (cuts.length > 0) params.set('cut', cuts.map((cut) => cut ?? '').join(','));
  if (state.codec !== undefined) params.set('codec', state.codec);
  if (state.keepInputOnDevice) params.set('keep', '1');
  if (state.maxAccuracyDrop !== undefined) params.set('drop', String(state.maxAccuracyDrop));
  if (state.maxUplinkKBPerSecond !== undefined) params.set('up', String(state.maxUplinkKBPerSecond));
  if (state.deadlineMs !== undefined) params.set('deadline', String(state.deadlineMs));
  if (state.linkMbit !== undefined) params.set('link', String(state.linkMbit));
  if (state.roundTripMs !== DEFAULT_STATE.roundTripMs) params.set('rtt', String(state.roundTripMs));
  if (state.pacedBy !== DEFAULT_STATE.pacedBy) params.set('by', state.pacedBy);
  if (state.device !== DEFAULT_STATE.device) params.set('device', state.device);
  if (state.sample !== DEFAULT_STATE.sample) params.set('sample', state.sample);
  if (state.repeat) params.set('repeat', '1');
  const query = params.toString().replaceAll('%2C', ',');
  return query === '' ? '' : `?${query}`;
}

function parseCuts(text: string | null): (number | undefined)[] {
  if (text === null || text === '') return [];
  return text.split(',').map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : undefined));
}
