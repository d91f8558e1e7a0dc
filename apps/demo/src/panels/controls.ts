import type { PolicyName } from '@cutpoint/client';
import { el } from '../dom.js';
import { DEVICES, LINKS_MBIT, type PageState, POLICIES, ROUND_TRIPS_MS } from '../page-state.js';

const POLICY_WORDS: Readonly<Record<PolicyName, string>> = {
  cutpoint: 'cutpoint: all that is measured',
  loadpart: 'loadpart: bandwidth and load',
  neurosurgeon: 'neurosurgeon: bandwidth only',
  dads: 'dads: bandwidth only, any cut',
  ans: 'ans: learns by trying',
  'offload-compressed': 'compressed offload: the input, as JPEG',
  offload: 'offload: everything at the edge',
  local: 'local: everything here',
};
const DEVICE_WORDS: Readonly<Record<PageState['device'], string>> = {
  auto: 'automatic',
  webgpu: 'WebGPU',
  wasm: 'WASM, on the CPU',
};

/** The switches. Each has a real effect, which its note names. */
export function renderControls(state: PageState, onChange: (change: Partial<PageState>) => void): HTMLElement[] {
  const policy = select(
    'policy',
    POLICIES.map((name) => [name, POLICY_WORDS[name]]),
    state.policy,
    (value) => {
      const chosen = POLICIES.find((name) => name === value);
      if (chosen) onChange({ policy: chosen });
    },
  );
  policy.title =
    'LoADPart: Liu et al., ICDCS 2022. Neurosurgeon: Kang et al., ASPLOS 2017. DADS: Hu et al., INFOCOM 2019. ' +
    'ANS: Zhang et al., WWW 2021.';
  const link = select(
    'link',
    [['', 'unlimited'], ...LINKS_MBIT.map((mbit): Option => [String(mbit), `${mbit} Mbit/s each way`])],
    String(state.linkMbit ?? ''),
    (value) => onChange({ linkMbit: value === '' ? undefined : Number(value) }),
  );
  const roundTrip = select(
    'rtt',
    ROUND_TRIPS_MS.map((ms) => [String(ms), ms === 0 ? 'nothing added' : `${ms} ms added`]),
    String(state.roundTripMs),
    (value) => onChange({ roundTripMs: Number(value) }),
  );
  const device = select(
    'device-choice',
    DEVICES.map((name) => [name, DEVICE_WORDS[name]]),
    state.device,
    (value) => {
      const chosen = DEVICES.find((name) => name === value);
      if (chosen) onChange({ device: chosen });
    },
  );
  return [
    field('Policy', policy),
    field('Link', link),
    field('Round trip', roundTrip),
    el(
      'p',
      { class: 'muted' },
      'Link and round trip are made here: this page paces its own WebSocket. The bytes really wait, and the estimators see it as they would see a slow network.',
    ),
    field('Heads run on', device),
  ];
}

type Option = [value: string, words: string];

function select(
  testId: string,
  options: readonly Option[],
  value: string,
  onPick: (value: string) => void,
): HTMLElement {
  const element = el(
    'select',
    { 'data-testid': testId },
    ...options.map(([name, words]) => el('option', { value: name, selected: name === value }, words)),
  );
  element.addEventListener('change', () => onPick(element.value));
  return element;
}

function field(title: string, control: HTMLElement): HTMLElement {
  return el('label', { class: 'field' }, el('span', {}, title), control);
}
