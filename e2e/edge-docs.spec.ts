import { expect, type Page, test } from '@playwright/test';
import { prepareGround } from './client-page.js';
import { Edge } from './harness/edge.js';

/** The page that describes an edge's routes, in a browser that keeps the edge's content security policy. */

const TOKEN = 'the-right-token-of-this-edge';
let edge: Edge;

test.beforeAll(async () => {
  const { models, store } = await prepareGround();
  edge = await Edge.start({ models, store, args: ['--token', TOKEN] });
});
test.afterAll(async () => await edge?.stop());

/** Opens it, and gathers all that the browser complains of: errors, refused scripts, files that are not there. */
async function openDocs(page: Page): Promise<readonly string[]> {
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('request', (request) => {
    const isOwn = request.url().startsWith(edge.url) || request.url().startsWith('data:');
    if (!isOwn) complaints.push(`asks ${request.url()}`);
  });
  await page.goto(`${edge.url}/docs`);
  await expect(page.getByRole('heading', { name: 'Cutpoint edge' })).toBeVisible();
  return complaints;
}

/** One operation of the page; it is opened by its summary. */
function operation(page: Page, method: string, path: string) {
  return page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) });
}

/** Sends the request of an operation, and gives the status that the page shows. */
async function execute(page: Page, method: string, path: string): Promise<string> {
  const block = operation(page, method, path);
  await block.locator('.opblock-summary-control').click();
  await block.getByRole('button', { name: 'Try it out' }).click();
  await block.getByRole('button', { name: 'Execute' }).click();
  const status = block.locator('.live-responses-table .response .response-col_status');
  await expect(status).toContainText(/\d{3}/);
  return (await status.innerText()).trim();
}

test('it shows all routes, without a token and without a complaint of the browser', async ({ page }) => {
  const complaints = await openDocs(page);
  for (const [method, path] of [
    ['get', '/v1/models'],
    ['get', '/v1/stream'],
    ['post', '/v2/models/{name}/infer'],
    ['get', '/v2/models/{name}/versions/{version}/ready'],
    ['get', '/readyz'],
  ] as const) {
    await expect(operation(page, method, path)).toBeVisible();
  }
  const { paths } = JSON.parse(await (await fetch(`${edge.url}/openapi.json`)).text());
  expect(await page.locator('.opblock').count()).toBe(
    Object.values<object>(paths).reduce((sum, operations) => sum + Object.keys(operations).length, 0),
  );
  await operation(page, 'post', '/v2/models/{name}/infer').locator('.opblock-summary-control').click();
  await expect(page.getByText('Run a model, or a tail of it').first()).toBeVisible();
  await page.screenshot({ path: test.info().outputPath('docs.png'), fullPage: true });
  expect(complaints).toEqual([]);
});

test('its requests are refused without the token, and answered with it', async ({ page }) => {
  await openDocs(page);
  expect(await execute(page, 'get', '/v1/models')).toBe('401');

  const complaints = await openDocs(page);
  await page.getByRole('button', { name: 'Authorize' }).click();
  const dialog = page.locator('.modal-ux');
  await dialog.getByRole('textbox').fill(TOKEN);
  await dialog.getByRole('button', { name: /apply credentials/i }).click();
  await dialog.getByRole('button', { name: 'Close' }).click();
  expect(await execute(page, 'get', '/v1/models')).toBe('200');
  await expect(operation(page, 'get', '/v1/models').locator('.live-responses-table')).toContainText('"tiny"');
  await page.screenshot({ path: test.info().outputPath('with-token.png'), fullPage: true });
  expect(complaints).toEqual([]);
});
