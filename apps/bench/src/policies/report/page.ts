import type { LinkFigures } from '../run/cell-figures.js';
import type { ContestantFigures } from '../run/figures.js';
import type { Results } from '../run/results.js';
import type { Setup } from '../run/setup.js';
import type { Outcomes } from '../run/tasks.js';
import { COLUMNS, LINK_COLUMNS } from '../tables.js';
import { element, escapeText } from './markup.js';
import {
  chosenCuts,
  crowds,
  latencyByNetwork,
  latencyDistribution,
  latencyOverTime,
  reactionTimelines,
  regretDistribution,
  type Section,
} from './sections.js';
import { STYLE } from './style.js';

export interface ReportInput {
  readonly setup: Setup;
  readonly outcomes: Outcomes;
  readonly results: Results;
  /** What the numbers were made with: device, edge, profiles. */
  readonly labels: readonly string[];
}

/** The whole report as one page that needs nothing else. */
export function reportPage({ setup, outcomes, results, labels }: ReportInput): string {
  const { headline, cells, reactions } = outcomes;
  const { sameArms, allArms } = results;
  const sections: Section[] = [
    ...(headline.length === 0
      ? []
      : [
          latencyOverTime(headline, 'same', setup.stepMs),
          latencyOverTime(headline, 'all', setup.stepMs),
          latencyDistribution(headline),
          latencyByNetwork(sameArms?.contestants ?? [], allArms?.contestants ?? []),
          regretDistribution(headline),
        ]),
    ...(cells.length === 0 ? [] : [chosenCuts(cells)]),
    ...(reactions.length === 0 ? [] : [reactionTimelines(reactions, setup.reaction.holdMs)]),
    ...(outcomes.crowds.length === 0 ? [] : [crowds(outcomes.crowds)]),
  ];
  const tables = [
    ...(sameArms === undefined ? [] : [table('Same arms: prefix cuts, raw tensors', sameArms.contestants)]),
    ...(allArms?.contestants === undefined ? [] : [table('All arms', allArms.contestants)]),
    ...(allArms?.links === undefined ? [] : [linkTable(allArms.links)]),
  ];
  const body = [
    element('h1', {}, 'Policies'),
    element('p', { class: 'soft' }, escapeText(labels.join(' · '))),
    ...tables,
    ...sections.map(sectionMarkup),
  ];
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Cutpoint: policies</title>',
    `<style>${STYLE}</style></head><body>`,
    ...body,
    '</body></html>\n',
  ].join('');
}

function sectionMarkup({ title, text, charts, legend = '', size }: Section): string {
  return element(
    'section',
    {},
    element('h2', {}, escapeText(title)),
    element('p', { class: 'soft' }, escapeText(text)),
    legend,
    element('div', { class: size === undefined ? 'charts' : `charts ${size}` }, ...charts),
  );
}

function table(title: string, rows: readonly ContestantFigures[]): string {
  const lines = rows.map((row) => ({ name: row.contestant, values: COLUMNS.map(({ of }) => of(row)) }));
  return tableMarkup(
    title,
    COLUMNS.map(({ head }) => head),
    lines,
  );
}

function linkTable(rows: readonly LinkFigures[]): string {
  const names = Object.keys(rows[0]?.meanMs ?? {});
  return tableMarkup(
    'By link: mean ms over networks and loads; reduction against the best of local, compressed offload and loadpart',
    [...names, ...LINK_COLUMNS.map(({ head }) => head)],
    rows.map((row) => ({
      name: row.link,
      values: [...names.map((name) => row.meanMs[name]), ...LINK_COLUMNS.map(({ of }) => of(row))],
    })),
  );
}

interface TableLine {
  readonly name: string;
  readonly values: readonly (number | null | undefined)[];
}

function tableMarkup(title: string, heads: readonly string[], lines: readonly TableLine[]): string {
  const head = ['', ...heads].map((name) => element('th', {}, escapeText(name)));
  const body = lines.map(({ name, values }) => {
    const cells = [escapeText(name), ...values.map((value) => value?.toFixed(1) ?? '')];
    const isOurs = name === 'cutpoint';
    return element('tr', { class: isOurs ? 'ours' : undefined }, ...cells.map((cell) => element('td', {}, cell)));
  });
  return [
    element('h2', {}, escapeText(title)),
    element('div', { class: 'scroll' }, element('table', {}, element('tr', {}, ...head), ...body)),
  ].join('');
}
