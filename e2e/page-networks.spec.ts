import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { Edge, projectRoot } from './harness/edge.js';
import { DemoPage } from './page-driver.js';

const NAME = 'bench-squeezenet';

test('a benchmark network is prepared when it is chosen, runs, and is said to be untrained', { tag: '@page' }, async ({
  page,
}) => {
  test.setTimeout(120_000);
  const models = await mkdtemp(join(tmpdir(), 'cutpoint-page-networks-'));
  await cp(join(projectRoot, 'models', NAME), join(models, NAME), { recursive: true });
  const store = await mkdtemp(join(tmpdir(), 'cutpoint-page-networks-store-'));
  await using edge = await Edge.start({ models, store });
  // The page begins with a model that this edge does not have.
  const demo = new DemoPage(page, { networkFails: true });
  const said: string[] = [];
  page.on('console', (message) => said.push(message.text()));
  await demo.open(edge.url, '?device=wasm');

  const group = page.getByTestId('model').locator('optgroup');
  await expect(group).toHaveAttribute('label', 'Benchmark networks (untrained)');
  await expect(group.locator('option')).toHaveText([`${NAME} (prepared when chosen)`]);
  await expect(page.getByTestId('untrained')).toBeHidden();

  await page.getByTestId('model').selectOption(NAME);
  await expect(page.getByTestId('untrained')).toContainText('untrained');
  await expect(demo.result.locator('li').first()).toContainText(/class \d+/, { timeout: 60_000 });
  await expect(group.locator('option')).toHaveText([NAME]);
  await expect(demo.slider(NAME)).toBeVisible();
  // Not even the browser has anything to say of a model that is not ready yet; of the one that is not at this edge it has.
  expect(said.filter((text) => !text.includes('404'))).toEqual([]);
  expect(demo.complaints).toEqual([]);
});
