import type { LoadReport, Plan, Progress, SessionConstraints, Trace } from '@cutpoint/client';
import { byId, el, throttled } from '../dom.js';
import { fetchTable } from '../edge-info.js';
import { formatBytes } from '../format.js';
import type { Network } from '../networks/reader.js';
import { layRibbon } from '../networks/stages.js';
import type { CutPlace } from './answer.js';
import type { Details } from './details.js';
import type { HeardLink } from './facts.js';
import { RibbonPanel } from './ribbon.js';

const REDRAW_EVERY_MS = 200;
const UNMEASURED = 'sent to the edge whole: nothing is measured yet';

interface Shown {
  readonly network: Network;
  readonly stopListening: readonly (() => void)[];
  panel?: RibbonPanel;
  variant?: string;
  plan?: Plan;
  /** What explains where the cut is: the last plan that changed anything, and the one before. */
  because?: { readonly plan: Plan; readonly before: Plan | undefined };
  trace?: Trace;
  /** Inferences in the answer that is on its way, or is there. */
  runs: number;
  /** The next inference is the first of another answer. */
  startsAfresh: boolean;
}

/** Everything on the page that shows the networks at work: the ribbons, and the details that come after the first answer. */
export class NetworksView {
  readonly #onForce: (index: number, cut: number | undefined) => void;
  readonly #focus = byId('focus', HTMLSelectElement);
  readonly #redraw = throttled(() => this.#draw(), REDRAW_EVERY_MS);
  #shown: Shown[] = [];
  #details: Details | undefined;
  #constraints: SessionConstraints = {};
  #forced: readonly (number | undefined)[] = [];
  #load: LoadReport | undefined;
  #link: HeardLink = { link: {}, atMs: 0 };

  /** @param onForce a person set the cut of the network at `index`, or gave it back. */
  constructor(onForce: (index: number, cut: number | undefined) => void) {
    this.#onForce = onForce;
    this.#focus.addEventListener('change', () => this.#redraw());
  }

  /** From now on they are drawn, with what was heard until now. */
  setDetails(details: Details): void {
    this.#details = details;
    if (this.#load) details.addLoad(this.#load);
    const { edgeUrl } = this.#link.link;
    if (edgeUrl !== undefined) details.addLink({ ...this.#link.link, edgeUrl });
    this.#draw();
    for (const { trace } of this.#shown) if (trace) details.addTrace(trace);
  }

  setNetworks(networks: readonly Network[]): void {
    for (const { stopListening } of this.#shown) for (const stop of stopListening) stop();
    byId('ribbons', HTMLElement).replaceChildren();
    byId('waterfalls', HTMLElement).replaceChildren(
      el('p', { class: 'muted' }, networks.length === 0 ? 'Nothing has run yet.' : 'The first inference is under way.'),
    );
    this.#details?.clear();
    this.#focus.replaceChildren(...networks.map(({ title }, index) => el('option', { value: index }, title)));
    byId('focus-field', HTMLElement).hidden = networks.length < 2;
    this.#shown = networks.map((network) => this.#listen(network));
    for (const shown of this.#shown) this.#useVariant(shown, firstVariant(network(shown)));
    this.#redraw();
  }

  setForced(cuts: readonly (number | undefined)[]): void {
    this.#forced = cuts;
    this.#redraw();
  }

  /** What the client was asked to keep to. */
  setConstraints(constraints: SessionConstraints): void {
    this.#constraints = constraints;
    this.#redraw();
  }

  showProgress(model: string, { stage, loadedBytes, totalBytes }: Progress): void {
    if (stage !== 'weights' || totalBytes === 0) return;
    const shown = this.#shown.find(({ network }) => network.session.manifest.model === model);
    const isDone = loadedBytes >= totalBytes;
    shown?.panel?.showWeights(
      isDone
        ? `weights here: ${formatBytes(totalBytes)}`
        : `weights: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`,
    );
  }

  /** A picture is about to be read: its inferences are counted from here. */
  startReading(): void {
    for (const shown of this.#shown) shown.startsAfresh = true;
  }

  get count(): number {
    return this.#shown.length;
  }

  /** Networks whose next run would be cut elsewhere than their last: what the page shows is out of date. */
  get wouldMove(): boolean {
    return this.#shown.some(({ network, trace }) => {
      if (trace === undefined) return false;
      const plan = network.session.explain();
      return plan !== undefined && plan.chosen.arm.cut !== (trace.plan?.chosen.arm.cut ?? trace.cut);
    });
  }

  /** What was heard of networks, edge and link until now, for who begins to listen later. */
  get heard(): { readonly traces: readonly Trace[]; readonly load: LoadReport | undefined; readonly link: HeardLink } {
    return { traces: this.#shown.flatMap(({ trace }) => trace ?? []), load: this.#load, link: this.#link };
  }

  /** Where each network was last cut. */
  get cuts(): readonly CutPlace[] {
    return this.#shown.flatMap(({ network, panel, trace }) =>
      panel && trace ? [{ title: network.title, ...panel.layersAt(trace.cut) }] : [],
    );
  }

  #listen(network: Network): Shown {
    const { session } = network;
    const shown: Shown = {
      network,
      runs: 0,
      startsAfresh: true,
      stopListening: [
        session.on('decision', (plan) => this.#onPlan(shown, plan)),
        session.on('trace', (trace) => {
          shown.trace = trace;
          shown.runs = shown.startsAfresh ? 1 : shown.runs + 1;
          shown.startsAfresh = false;
          if (trace.plan) this.#onPlan(shown, trace.plan);
          this.#details?.addTrace(trace);
          this.#useVariant(shown, trace.variant);
          this.#redraw();
        }),
        session.on('load', (load) => {
          this.#load = load;
          this.#details?.addLoad(load);
          this.#redraw();
        }),
        session.on('link', (link) => {
          this.#link = { link, atMs: performance.now() };
          this.#details?.addLink(link);
          this.#redraw();
        }),
      ],
    };
    return shown;
  }

  #onPlan(shown: Shown, plan: Plan): void {
    if (plan === shown.plan) return;
    // That nothing has moved since is no explanation; but "nothing is measured yet" ends with the first measurement.
    const isFirst = shown.plan === undefined || shown.plan.cause === 'first';
    if (plan.cause !== 'steady' || isFirst) shown.because = { plan, before: shown.plan };
    shown.plan = plan;
    this.#redraw();
  }

  /** Sizes of one network differ in what crosses, so the ribbon follows the size that ran last. */
  #useVariant(shown: Shown, id: string | undefined): void {
    const { manifest } = shown.network.session;
    const variant = manifest.variants.find((each) => each.id === id);
    if (variant === undefined || shown.variant === variant.id) return;
    shown.variant = variant.id;
    fetchTable(variant.table).then(
      (table) => {
        if (shown.variant !== variant.id || !this.#shown.includes(shown)) return;
        const ribbon = layRibbon(table);
        if (shown.panel) shown.panel.setRibbon(ribbon);
        else {
          const index = this.#shown.indexOf(shown);
          shown.panel = new RibbonPanel(shown.network.title, manifest.model, ribbon, {
            onForce: (cut) => this.#onForce(index, cut),
          });
          byId('ribbons', HTMLElement).replaceChildren(...this.#shown.flatMap(({ panel }) => panel?.element ?? []));
        }
        this.#redraw();
      },
      // Without its table a network runs as well; only the ribbon is not drawn, and the next trace asks again.
      () => {
        delete shown.variant;
      },
    );
  }

  #draw(): void {
    for (const [index, { panel, plan, because, trace }] of this.#shown.entries()) {
      const cut = trace?.cut ?? plan?.chosen.arm.cut;
      if (panel === undefined || cut === undefined) continue;
      const forced = this.#forced[index] !== undefined;
      const why = because ? this.#details?.explain(because.plan, because.before) : UNMEASURED;
      panel.show(cut, forced, why === undefined ? '' : sentence(why));
    }
    this.#drawDetails();
  }

  #drawDetails(): void {
    const details = this.#details;
    if (details === undefined) return;
    const ran = this.#shown.flatMap(({ network: { title }, trace, runs }) => (trace ? [{ title, trace, runs }] : []));
    details.showRuns(ran);
    const focused = this.#shown[Number(this.#focus.value)] ?? this.#shown[0];
    const { session } = focused?.network ?? {};
    // As things are now, not as they were when a picture last ran.
    const model = session?.manifest.model ?? '';
    details.show(model, session?.explain() ?? focused?.plan, this.#constraints);
    details.showFacts(model, this.#load, this.#link);
  }
}

function network({ network: { session } }: Shown): Network['session'] {
  return session;
}

function firstVariant({ manifest }: Network['session']): string | undefined {
  return (manifest.variants.find(({ kind }) => kind === 'pixels') ?? manifest.variants[0])?.id;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
