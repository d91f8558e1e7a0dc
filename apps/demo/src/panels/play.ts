import type { Session } from '@cutpoint/client';
import { byId, el, setText, throttled } from '../dom.js';
import { rateOf } from '../format.js';
import type { Network } from '../networks/reader.js';
import { LINKS_MBIT, type PageState, ROUND_TRIPS_MS } from '../page-state.js';
import { BusyDevice } from '../play/busy-device.js';
import { EdgeDemo, type EdgeLoad, NO_LOAD } from '../play/edge-demo.js';
import {
  type Heard,
  measuredConnection,
  measuredDevice,
  measuredLink,
  measuredLoad,
  measuredRoundTrip,
} from '../play/effects.js';
import { type Option, select } from './select.js';

const REDRAW_EVERY_MS = 250;
const LOADS: readonly { readonly words: string; readonly load: EdgeLoad }[] = [
  { words: 'none', load: NO_LOAD },
  { words: '2 more clients', load: { tails: 2, neighbours: 0 } },
  { words: '6 more clients', load: { tails: 6, neighbours: 0 } },
  { words: '2 busy neighbours on its machine', load: { tails: 0, neighbours: 2 } },
  { words: '6 clients and 2 neighbours', load: { tails: 6, neighbours: 2 } },
];
const BUSY_WORKERS: readonly number[] = [0, 1, 2, 4];
const NO_DEMO = 'This edge was not started for demonstration (--demo).';

interface PlayEvents {
  readonly onChange: (change: Partial<PageState>) => void;
  /** Something is slower or faster now that no state says. */
  readonly onEffect: () => void;
}

/** Makes the network, the edge and the device worse, each really, and says beside each what is measured. */
export class PlayPanel {
  readonly #onEffect: () => void;
  readonly #demo = new EdgeDemo((reason) => this.#refused(reason));
  readonly #device = new BusyDevice();
  readonly #redraw = throttled(() => this.#draw(), REDRAW_EVERY_MS);
  readonly #measured = new Map<(heard: Heard) => string, HTMLElement>();
  readonly #edgeLoad: HTMLSelectElement;
  readonly #paceBy: HTMLSelectElement;
  readonly #cut: HTMLButtonElement;
  readonly #refusal = el('p', { class: 'muted', 'data-testid': 'demo-note' }, NO_DEMO);
  #stopListening: (() => void)[] = [];
  #heard: Heard = NOTHING_HEARD;

  constructor(state: PageState, { onChange, onEffect }: PlayEvents) {
    this.#onEffect = onEffect;
    const links: Option[] = [['', 'as fast as it is'], ...LINKS_MBIT.map(mbitOption)];
    const link = select('link', links, String(state.linkMbit ?? ''), (value) =>
      onChange({ linkMbit: value === '' ? undefined : Number(value) }),
    );
    const roundTrip = select(
      'rtt',
      ROUND_TRIPS_MS.map((ms): Option => [String(ms), ms === 0 ? 'nothing added' : `${ms} ms added`]),
      String(state.roundTripMs),
      (value) => onChange({ roundTripMs: Number(value) }),
    );
    this.#paceBy = select(
      'pace-by',
      [
        ['page', "this page's own transport"],
        ['edge', 'the edge'],
      ],
      state.pacedBy,
      (value) => onChange({ pacedBy: value === 'edge' ? 'edge' : 'page' }),
    );
    this.#cut = el(
      'button',
      { type: 'button', 'data-testid': 'cut-off', 'aria-pressed': 'false' },
      'Cut the connection',
    );
    this.#cut.addEventListener('click', () => {
      const cutOff = this.#cut.getAttribute('aria-pressed') !== 'true';
      this.#cut.setAttribute('aria-pressed', String(cutOff));
      setText(this.#cut, cutOff ? 'Mend the connection' : 'Cut the connection');
      onChange({ cutOff });
    });
    this.#edgeLoad = select(
      'edge-load',
      LOADS.map(({ words }, index): Option => [String(index), words]),
      '0',
      (value) => {
        this.#demo.setLoad(LOADS[Number(value)]?.load ?? NO_LOAD);
        onEffect();
      },
    );
    const busy = select(
      'busy-device',
      BUSY_WORKERS.map((count): Option => [String(count), busyWords(count)]),
      '0',
      (value) => {
        this.#device.setWorkers(Number(value));
        onEffect();
      },
    );
    byId('play', HTMLElement).append(
      this.#row('Link', link, 'link', measuredLink),
      this.#row('Round trip', roundTrip, 'rtt', measuredRoundTrip),
      el('label', { class: 'field' }, el('span', {}, 'Both are made by'), this.#paceBy),
      this.#row('Connection', this.#cut, 'cut-off', measuredConnection),
      this.#row('Load on the edge', this.#edgeLoad, 'edge-load', measuredLoad),
      this.#row('Work beside the heads', busy, 'busy-device', measuredDevice),
      this.#refusal,
    );
    this.setOffered(false);
    this.#draw();
  }

  /** @param offered the edge lets itself be loaded and slowed */
  setOffered(offered: boolean): void {
    this.#edgeLoad.disabled = !offered;
    this.#paceBy.disabled = !offered;
    this.#refusal.hidden = offered;
    if (!offered) setText(this.#refusal, NO_DEMO);
  }

  setNetworks(networks: readonly Network[]): void {
    for (const stop of this.#stopListening) stop();
    const [first] = networks;
    const model = first?.session.manifest.model ?? '';
    const { failedTries } = this.#heard;
    this.#heard = { ...NOTHING_HEARD, model, failedTries, connection: this.#heard.connection };
    this.#stopListening = networks.flatMap(({ session }, index) => this.#listen(session, index === 0));
    this.#demo.setModel(model);
    this.#redraw();
  }

  /** The part of the state that the edge is asked for. */
  setState({ pacedBy, linkMbit, roundTripMs }: PageState): void {
    const rate = linkMbit === undefined ? {} : rateOf(linkMbit);
    const isPaced = linkMbit !== undefined || roundTripMs > 0;
    this.#demo.setLink(pacedBy === 'edge' && isPaced ? { ...rate, roundTripMs } : undefined);
  }

  #listen(session: Session, isFirst: boolean): (() => void)[] {
    const hear = (part: Partial<Heard>): void => {
      this.#heard = { ...this.#heard, ...part };
      this.#redraw();
    };
    const traces = session.on('trace', (trace) =>
      hear({ last: trace, ...(trace.headMs > 0 && trace.rescued === undefined ? { withHead: trace } : {}) }),
    );
    const links = session.on('link', (link) => hear({ link: { link, atMs: performance.now() } }));
    // All of them share one connection; only what their own transfers showed is told by each.
    if (!isFirst) return [traces, links];
    return [
      traces,
      links,
      session.on('load', (load) => hear({ load })),
      session.on('state', (connection) => {
        const failedTries = connection.state === 'offline' ? this.#triesBefore() + 1 : 0;
        hear({ connection, failedTries });
      }),
    ];
  }

  /** Losing the connection is no try. */
  #triesBefore(): number {
    return this.#heard.connection?.state === 'offline' ? this.#heard.failedTries : -1;
  }

  #row(title: string, control: HTMLElement, name: string, measure: (heard: Heard) => string): HTMLElement {
    const measured = el('span', {
      class: 'measured number',
      id: `${name}-measured`,
      'data-testid': `${name}-measured`,
    });
    this.#measured.set(measure, measured);
    control.setAttribute('aria-describedby', measured.id);
    const isField = control instanceof HTMLSelectElement;
    const field = isField ? el('label', { class: 'field' }, el('span', {}, title), control) : control;
    return el('div', { class: 'effect' }, field, el('p', { class: 'muted' }, 'Measured: ', measured));
  }

  #draw(): void {
    for (const [measure, element] of this.#measured) setText(element, measure(this.#heard));
  }

  #refused(reason: string): void {
    this.#refusal.hidden = false;
    setText(this.#refusal, `What was asked of the edge did not come about: ${reason}.`);
    this.#onEffect();
  }
}

const NOTHING_HEARD: Heard = {
  load: undefined,
  link: { link: {}, atMs: 0 },
  connection: undefined,
  failedTries: 0,
  withHead: undefined,
  last: undefined,
  model: '',
};

function mbitOption(mbit: number): Option {
  return [String(mbit), `${mbit} Mbit/s each way`];
}

function busyWords(count: number): string {
  return count === 0 ? 'none' : `${count} competing worker${count === 1 ? '' : 's'}`;
}
