import type { App } from './app.js';
import { byId } from './dom.js';
import type { Network } from './networks/reader.js';
import type { PageState } from './page-state.js';
import { ComparePanel } from './panels/compare.js';
import { renderControls } from './panels/controls.js';
import { Details } from './panels/details.js';
import { EmbedPanel } from './panels/embed.js';
import type { NetworksView } from './panels/networks.js';
import { PlayPanel } from './panels/play.js';
import { RecordingPanel } from './panels/recording.js';
import './picture/camera.js';

interface WorkbenchParts {
  readonly state: PageState;
  readonly networks: NetworksView;
  readonly app: Pick<App, 'compare' | 'runAgain'>;
  readonly onChange: (part: Partial<PageState>) => void;
}

/** What explains an answer and what one plays with: a script of its own, which no first answer waits for. */
export class Workbench {
  readonly #play: PlayPanel;
  readonly #recording = new RecordingPanel();
  readonly #embed = new EmbedPanel();
  readonly #view: NetworksView;

  constructor({ state, networks, app, onChange }: WorkbenchParts) {
    byId('controls', HTMLElement).replaceChildren(...renderControls(state, onChange));
    this.#play = new PlayPanel(state, { onChange, onEffect: () => app.runAgain() });
    new ComparePanel((comparison, events, signal) => app.compare(comparison, events, signal));
    this.#view = networks;
    networks.setDetails(new Details());
  }

  setState(state: PageState): void {
    this.#play.setState(state);
  }

  setNetworks(networks: readonly Network[]): void {
    this.#play.setNetworks(networks, this.#view.heard);
    this.#recording.setNetworks(networks);
    this.#embed.setNetworks(networks);
  }

  /** @param offered the edge was started for demonstration */
  setOffered(offered: boolean): void {
    this.#play.setOffered(offered);
  }
}
