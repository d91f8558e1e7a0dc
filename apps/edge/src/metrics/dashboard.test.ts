import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, startServer } from '../server/start.js';
import { parseExposition, type Scrape } from '../testing/exposition.js';
import { MemoryCatalog } from '../testing/memory-catalog.js';
import { bytes, floats, TestClient } from '../testing/test-client.js';
import { tinyModel } from '../testing/tiny-models.js';

/** docs/grafana/cutpoint-edge.json and docs/operating.md: all that they name is there. */

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

const docs = new URL('../../../../docs/', import.meta.url);
const dashboard: Dashboard = JSON.parse(readFileSync(new URL('grafana/cutpoint-edge.json', docs), 'utf8'));
const targets = dashboard.panels.flatMap(({ title, targets }) => targets.map((target) => ({ title, ...target })));
const variables = dashboard.templating.list.filter(({ query }) => query.startsWith('label_values('));

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-dashboard-'));
let server: RunningServer;
let scrape: Scrape;

beforeAll(async () => {
  const tiny = tinyModel(folder);
  server = await startServer({ catalog: new MemoryCatalog(tiny), port: 0, workers: 1, logLevel: 'silent' });
  const client = await TestClient.open(server.url);
  client.infer(1, tiny, 0, [bytes('mask', [1, 0, 2]), floats('x', [1, 4], [-1, 0.5, 2, 3])]);
  await client.result(1);
  client.close();
  // Of the answer to the first, the second tells.
  await (await fetch(`${server.url}/metrics`)).text();
  scrape = parseExposition(await (await fetch(`${server.url}/metrics`)).text());
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** What every target has beside the labels of the edge. */
const TARGET_LABELS = ['instance', 'job'];
const WORDS = new Set(['sum', 'avg', 'max', 'by', 'rate', 'histogram_quantile', 'label_values']);
/** Have no sample where there is no GPU, before the first seconds are over, and before the first garbage was collected. */
const NOT_ALWAYS = /^(?:cutpoint_gpu_|cutpoint_event_loop_delay_|nodejs_gc_)/;

function namesIn(query: string): string[] {
  const bare = query
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\bby \([^)]*\)/g, '');
  return (bare.match(/[a-zA-Z_:][\w:]*/g) ?? []).filter((word) => !WORDS.has(word));
}

/** Labels that a query asks about or groups by. */
function labelsIn(query: string): string[] {
  const asked = [...query.matchAll(/([a-z_]+)(?:=~|!=|!~|=)"/g)].map(([, label = '']) => label);
  const grouped = [...query.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
  return [...asked, ...grouped];
}

function labelsOf(name: string): readonly string[] | undefined {
  const family = scrape.get(name) ?? scrape.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  const sample = family?.samples.find((one) => one.name === name);
  if (sample !== undefined) return Object.keys(sample.labels);
  return family !== undefined && NOT_ALWAYS.test(name) ? [] : undefined;
}

describe('the dashboard', () => {
  it('has panels, each with queries', () => {
    expect(dashboard.panels.length).toBeGreaterThan(10);
    for (const panel of dashboard.panels) expect(panel.targets.length).toBeGreaterThan(0);
  });

  it.each(targets)('asks for what there is: $title: $expr', ({ expr, legendFormat }) => {
    const names = namesIn(expr);
    expect(names).not.toEqual([]);
    for (const name of names) {
      const labels = labelsOf(name);
      expect(labels, name).toBeDefined();
      const known = [...TARGET_LABELS, ...(labels ?? [])];
      expect(labelsIn(expr).filter((label) => !known.includes(label))).toEqual([]);
    }
    const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
    const left = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
    expect(shown.filter((label) => !left.includes(label ?? ''))).toEqual([]);
  });

  it.each(variables)('lets choose among what there is: $name', ({ query }) => {
    const [, name = '', label = ''] = /^label_values\(([\w:]+)(?:\{.*\})?, (\w+)\)$/.exec(query) ?? [];
    expect([...TARGET_LABELS, ...(labelsOf(name) ?? [])]).toContain(label);
  });

  it('shows every metric that is this edge’s own', () => {
    const shown = new Set(
      [...targets.map(({ expr }) => expr), ...variables.map(({ query }) => query)]
        .flatMap(namesIn)
        .map((name) => name.replace(/_(?:bucket|sum|count)$/, '')),
    );
    const own = [...scrape.keys()].filter((name) => name.startsWith('cutpoint_'));
    expect(own.filter((name) => !shown.has(name))).toEqual([]);
  });
});

it('docs/operating.md lists every metric of this edge, with its type and labels, and no other', () => {
  const page = readFileSync(new URL('operating.md', docs), 'utf8');
  const rows = [...page.matchAll(/^\| `(cutpoint_\w+)` \| (\w+) \|([^|]*)\|/gm)].map(
    ([, name = '', type = '', labels = '']) => [name, type, (labels.match(/\w+/g) ?? []).toSorted().join(' ')],
  );
  const own = [...scrape.values()].filter(({ name }) => name.startsWith('cutpoint_'));
  const told = own.map(({ name, type, samples }) => [
    name,
    type,
    Object.keys(samples[0]?.labels ?? {})
      .filter((label) => label !== 'le')
      .toSorted()
      .join(' '),
  ]);
  expect(rows.toSorted()).toEqual(told.toSorted());
});
