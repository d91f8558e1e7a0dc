import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import { tinyModel } from './client-model.js';
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

test('a network that a user added, which takes no picture, runs on random numbers, wherever a person cuts it', {
  tag: '@page',
}, async ({ page }) => {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-added-'));
  const [models, store, file] = ['models', 'store', 'net.onnx'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await mkdir(models);
  await writeFile(file, tinyModel());
  const add = ['apps/edge/bin/cutpoint.js', 'add', 'mynet', file, '--models', models, '--store', store];
  await promisify(execFile)(process.execPath, add, { cwd: projectRoot });
  await using edge = await Edge.start({ models, store });
  const demo = new DemoPage(page);
  await demo.open(edge.url, '?model=mynet&device=wasm');
  await expect(demo.result).toContainText('it ran on random numbers');
  await expect(demo.result.locator('li')).toContainText([/^\w+: float32 \[[\d, ]+\]$/, /^\w+: float32 \[[\d, ]+\]$/]);
  await expect(page.getByTestId('model')).toHaveValue('mynet');

  const slider = demo.slider('mynet');
  await slider.focus();
  await slider.press('End');
  await expect(page).toHaveURL(/cut=\d+/);
  await expect(page.getByTestId('chosen-cut')).toHaveText(/^(\d+) of \1$/);
  await expect(page.getByTestId('sent')).toHaveText('0 B');
  await page.getByTestId('auto-mynet').click();
  await expect(page).not.toHaveURL(/cut=/);
  await demo.answered();
  expect(demo.complaints).toEqual([]);
});
