import { CLIENTS_LOADS } from '../protocol.js';
import type { Crowd } from './crowd.js';
import { type GridCell, gridCell } from './grid.js';
import { type HeadlineResult, headline } from './headline.js';
import { CROWD_CONTESTANTS, manyClients } from './many-clients.js';
import { type Reaction, reactions } from './reaction.js';
import type { Setup } from './setup.js';

/** One piece of the whole that does not depend on any other. */
export type Task =
  | { readonly kind: 'headline'; readonly network: number; readonly seed: number }
  | { readonly kind: 'cell'; readonly network: number; readonly link: number; readonly load: number }
  | { readonly kind: 'reaction'; readonly network: number; readonly seed: number }
  | { readonly kind: 'crowd'; readonly contestant: number; readonly load: string; readonly seed: number };

export interface Outcomes {
  readonly headline: readonly HeadlineResult[];
  readonly cells: readonly GridCell[];
  readonly reactions: readonly Reaction[];
  readonly crowds: readonly Crowd[];
}

export type TaskOutcome = { readonly [Key in keyof Outcomes]?: Outcomes[Key] };

/** All pieces, the long ones first, so that two threads end at about the same time. */
export function tasksOf({ parts, networks, seeds, grid, reaction, clients }: Setup): Task[] {
  const crowds = CROWD_CONTESTANTS.flatMap((_, contestant) =>
    clients.count === 0
      ? []
      : CLIENTS_LOADS.flatMap((load) => clients.seeds.map((seed): Task => ({ kind: 'crowd', contestant, load, seed }))),
  );
  const headlines = seeds.flatMap((seed) => networks.map((network): Task => ({ kind: 'headline', network, seed })));
  const steps = reaction.seeds.flatMap((seed) =>
    networks.map((network): Task => ({ kind: 'reaction', network, seed })),
  );
  const cells = networks.flatMap((network) =>
    grid.links.flatMap((_, link) => grid.loads.map((__, load): Task => ({ kind: 'cell', network, link, load }))),
  );
  return [
    ...(parts.includes('clients') ? crowds : []),
    ...(parts.includes('headline') ? headlines : []),
    ...(parts.includes('reaction') ? steps : []),
    ...(parts.includes('grid') ? cells : []),
  ];
}

export function runTask(setup: Setup, task: Task): TaskOutcome {
  switch (task.kind) {
    case 'headline':
      return { headline: [headline(setup, task.network, task.seed)] };
    case 'cell':
      return { cells: [gridCell(setup, task.network, task.link, task.load)] };
    case 'reaction':
      return { reactions: reactions(setup, task.network, task.seed) };
    case 'crowd': {
      const contestant = CROWD_CONTESTANTS[task.contestant];
      return contestant === undefined ? {} : { crowds: [manyClients(setup, contestant, task.load, task.seed)] };
    }
  }
}

/** In the order of the tasks, whatever was done first. */
export function collect(outcomes: readonly TaskOutcome[]): Outcomes {
  return {
    headline: outcomes.flatMap((outcome) => outcome.headline ?? []),
    cells: outcomes.flatMap((outcome) => outcome.cells ?? []),
    reactions: outcomes.flatMap((outcome) => outcome.reactions ?? []),
    crowds: outcomes.flatMap((outcome) => outcome.crowds ?? []),
  };
}
