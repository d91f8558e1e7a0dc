import type { PolicyName } from '@cutpoint/client';
import { el } from '../dom.js';
import { DEVICES, type PageState, POLICIES } from '../page-state.js';
import { select } from './select.js';

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

/** What decides, and where heads run. */
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
  const device = select(
    'device-choice',
    DEVICES.map((name) => [name, DEVICE_WORDS[name]]),
    state.device,
    (value) => {
      const chosen = DEVICES.find((name) => name === value);
      if (chosen) onChange({ device: chosen });
    },
  );
  return [field('Policy', policy), field('Heads run on', device)];
}

function field(title: string, control: HTMLElement): HTMLElement {
  return el('label', { class: 'field' }, el('span', {}, title), control);
}
