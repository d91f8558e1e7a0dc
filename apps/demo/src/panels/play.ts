import type { Session, Trace } from '@cutpoint/client';
import { byId, el, setText } from '../dom.js';
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
  SENT_OVER_MS,
} from '../play/effects.js';
import { addConstraints } from './constraints.js';
import { MeasuredRows } from './measured-rows.js';
import type { NetworksView } from './networks.js';
import { type Option, select } from './select.js';

const LOADS: readonly { readonly words: string; readonly load: EdgeLoad }[] = [
  { words: 'none', load: NO_LOAD },
  { words: '2 more clients', load: { tails: 2, neighbours: 0 } },
  { words: '6 more clients', load: { tails: 6, neighbours: 0 } },
  { words: '2 busy neighbours on its machine', load: { tails: 0, neighbours: 2 } },
  { words: '6 clients and 2 neighbours', load: { tails: 6, neighbours: 2 } },
];
const BUSY_WORKERS: readonly number[] = [0, 1, 2, 4];
const NO_DEMO = 'This edge was not started for demonstration (--demo).';
const BY_PAGE_INSTEAD =
  "It makes no link slow, so this one is as fast as it is: have it made by this page's own transport.";

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
  readonly #rows = new MeasuredRows(NOTHING_HEARD);
  readonly #edgeLoad: HTMLSelectElement;
  readonly #paceBy: HTMLSelectElement;
  readonly #cut: HTMLButtonElement;
  readonly #refusal = el('p', { class: 'muted', 'data-testid': 'demo-note' }, NO_DEMO);
  #stopListening: (() => void)[] = [];
  #heard: Heard = NOTHING_HEARD;
  /** Whether the edge was started for demonstration, as soon as it has said so. */
  #offered: boolean | undefined;
  #state: PageState;

  constructor(state: PageState, { onChange, onEffect }: PlayEvents) {
    this.#onEffect = onEffect;
    this.#state = state;
    const rows = this.#rows;
    addConstraints(state, rows, onChange);
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
      rows.add('Link', link, 'link', measuredLink),
      rows.add('Round trip', roundTrip, 'rtt', measuredRoundTrip),
      el('label', { class: 'field' }, el('span', {}, 'Both are made by'), this.#paceBy),
      rows.add('Connection', this.#cut, 'cut-off', measuredConnection),
      rows.add('Load on the edge', this.#edgeLoad, 'edge-load', measuredLoad),
      rows.add('Work beside the heads', busy, 'busy-device', measuredDevice),
      this.#refusal,
    );
    this.#edgeLoad.disabled = true;
    this.#paceBy.disabled = true;
    this.setState(state);
  }

  /** @param offered the edge lets itself be loaded and slowed */
  setOffered(offered: boolean): void {
    if (offered === this.#offered) return;
    this.#offered = offered;
    this.#edgeLoad.disabled = !offered;
    this.#refusal.hidden = offered;
    if (!offered) setText(this.#refusal, NO_DEMO);
    this.setState(this.#state);
  }

  /** @param before what was heard of them already */
  setNetworks(networks: readonly Network[], before: NetworksView['heard']): void {
    for (const stop of this.#stopListening) stop();
    const [first] = networks;
    const model = first?.session.manifest.model ?? '';
    const { failedTries } = this.#heard;
    const { connection, linkMadeBy } = this.#heard;
    this.#heard = { ...NOTHING_HEARD, model, failedTries, connection, linkMadeBy };
    this.#stopListening = networks.flatMap(({ session }, index) => this.#listen(session, index === 0));
    this.#demo.setModel(model);
    const { traces, load, link } = before;
    if (networks.length > 0) this.#heard = { ...this.#heard, load, link };
    for (const trace of traces) this.#hearTrace(trace);
    this.#rows.show(this.#heard);
  }

  /** The part of the state that the edge is asked for. */
  setState(state: PageState): void {
    this.#state = state;
    const { pacedBy, linkMbit, roundTripMs } = state;
    const rate = linkMbit === undefined ? {} : rateOf(linkMbit);
    const isPaced = linkMbit !== undefined || roundTripMs > 0;
    // A link to this page that asks for what this edge does not do must not be a dead end: there is a way back.
    this.#paceBy.disabled = this.#offered !== true && pacedBy === 'page';
    this.#paceBy.value = pacedBy;
    const asksInVain = this.#offered === false && pacedBy === 'edge' && isPaced;
    if (asksInVain) setText(this.#refusal, `${NO_DEMO} ${BY_PAGE_INSTEAD}`);
    else if (this.#offered === false) setText(this.#refusal, NO_DEMO);
    this.#demo.setLink(pacedBy === 'edge' && isPaced && !asksInVain ? { ...rate, roundTripMs } : undefined);
    this.#hear({ linkMadeBy: isPaced && !asksInVain ? pacedBy : undefined });
  }

  #listen(session: Session, isFirst: boolean): (() => void)[] {
    const hear = (part: Partial<Heard>): void => this.#hear(part);
    const traces = session.on('trace', (trace) => this.#hearTrace(trace));
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

  #hearTrace(trace: Trace): void {
    const atMs = performance.now();
    const recent = this.#heard.sent.filter((each) => each.atMs > atMs - SENT_OVER_MS);
    this.#hear({
      last: trace,
      sent: [...recent, { atMs, numBytes: trace.bytesUp }],
      ...(trace.headMs > 0 && trace.rescued === undefined ? { withHead: trace } : {}),
    });
  }

  #hear(part: Partial<Heard>): void {
    this.#heard = { ...this.#heard, ...part };
    this.#rows.show(this.#heard);
  }

  /** Losing the connection is no try. */
  #triesBefore(): number {
    return this.#heard.connection?.state === 'offline' ? this.#heard.failedTries : -1;
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
  sent: [],
  linkMadeBy: undefined,
};

function mbitOption(mbit: number): Option {
  return [String(mbit), `${mbit} Mbit/s each way`];
}

function busyWords(count: number): string {
  return count === 0 ? 'none' : `${count} competing worker${count === 1 ? '' : 's'}`;
}
