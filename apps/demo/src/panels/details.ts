import {
  explainPlan,
  type LoadReport,
  type Plan,
  type SessionConstraints,
  type SessionEvents,
  type Trace,
} from '@cutpoint/client';
import { byId } from '../dom.js';
import { type HeardLink, showLink, showLoad } from './facts.js';
import { LivePanel } from './live.js';
import { renderWaterfall } from './waterfall.js';
import { WhatIfPanel } from './what-if.js';

/** The last inference of one network, among those of one answer. */
export interface LastRun {
  readonly title: string;
  readonly trace: Trace;
  readonly runs: number;
}

/** What explains the inferences that there were: waterfalls, plots, and the table of arms. Before the first there is nothing to explain. */
export class Details {
  readonly #live = new LivePanel(byId('plots', HTMLElement));
  readonly #whatIf = new WhatIfPanel();
  /** What the waterfalls show; drawn again for the same, they would take the pointer's words away. */
  #drawn: readonly Trace[] = [];

  constructor() {
    byId('arms', HTMLElement).append(this.#whatIf.element);
  }

  addTrace(trace: Trace): void {
    this.#live.addTrace(trace);
  }

  addLoad(load: LoadReport): void {
    this.#live.addLoad(load);
  }

  addLink(link: SessionEvents['link']): void {
    this.#live.addLink(link);
  }

  /** Why the cut is where it is, in words. */
  explain(plan: Plan, before: Plan | undefined): string {
    return explainPlan(plan, before);
  }

  /** Other networks: nothing of theirs has run. */
  clear(): void {
    this.#drawn = [];
  }

  showFacts(model: string, load: LoadReport | undefined, link: HeardLink): void {
    showLoad(byId('load', HTMLElement), load, model);
    showLink(byId('link-facts', HTMLElement), link);
  }

  /** @param model the one that plots and table are of */
  show(model: string, plan: Plan | undefined, constraints: SessionConstraints): void {
    this.#live.setModel(model);
    this.#whatIf.show(plan, constraints);
  }

  showRuns(runs: readonly LastRun[]): void {
    if (runs.length === 0 || runs.every(({ trace }, index) => trace === this.#drawn[index])) return;
    this.#drawn = runs.map(({ trace }) => trace);
    const waterfalls = runs.map(({ title, trace, runs: count }) => renderWaterfall(title, trace, count));
    byId('waterfalls', HTMLElement).replaceChildren(...waterfalls);
  }
}
