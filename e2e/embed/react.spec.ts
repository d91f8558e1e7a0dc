import { cp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, type Locator, type Page, type Route, test, type WebSocket } from '@playwright/test';
import { type Ground, prepareGround } from '../client-page.js';
import { Edge, freePort, projectRoot } from '../harness/edge.js';
import { buildWithVite, developWithVite, type Site } from './sites.js';
import { type Packed, packBoth, strangersReactFolder } from './stranger.js';

/** apps/react-example as somebody has it who installed the tarballs, with a real edge. */

const EXAMPLE = join(projectRoot, 'apps', 'react-example');

let packed: Packed;
let ground: Ground;
/** In development, where strict mode mounts everything twice. */
let app: Site;
test.beforeAll(async () => {
  packed = await packBoth();
  ground = await prepareGround();
  const { models } = ground;
  await cp(join(models, 'tiny'), join(models, 'second'), { recursive: true });
  app = await developWithVite(await exampleFolder(19));
});

test.afterAll(async () => {
  await app[Symbol.asyncDispose]();
  for (const folder of [dirname(packed.client), dirname(packed.react)]) {
    await rm(folder, { recursive: true, force: true });
  }
});

test('React 19 in strict mode reads pictures, switches models over one connection, and leaves nothing behind', async ({
  page,
}) => {
  await using edge = await startEdge(app);
  const { complaints, sockets } = listen(page);
  await open(page, app, edge.url);
  await expect(status(page)).toContainText('online, heads on');
  await read(page);

  const [socket] = sockets;
  await page.getByLabel('Model').selectOption('second');
  await expect(status(page)).toContainText('online');
  await expect(page.locator('output')).toHaveText('');
  await read(page);
  // Neither strict mode nor the other model opened a second one.
  expect(sockets).toHaveLength(1);
  expect(socket?.isClosed()).toBe(false);
  await expect.poll(() => page.workers().filter(isOurs).length).toBe(2);

  await page.getByRole('checkbox').uncheck();
  await expect.poll(() => socket?.isClosed()).toBe(true);
  await expect.poll(() => page.workers().filter(isOurs).length).toBe(0);

  await page.getByRole('checkbox').check();
  await read(page);
  expect(sockets).toHaveLength(2);
  expect(complaints).toEqual([]);
});

test('a component that goes away while it connects leaves nothing behind', async ({ page }) => {
  await using edge = await startEdge(app);
  const { complaints, sockets } = listen(page);
  const held: Route[] = [];
  await page.route('**/manifest', (route) => {
    held.push(route);
  });
  await open(page, app, edge.url);
  await expect.poll(() => held.length).toBe(1);
  await expect(status(page)).toContainText('Connecting');
  await expect.poll(() => sockets.length).toBe(1);
  await page.getByRole('checkbox').uncheck();
  for (const route of held) await route.continue().catch(() => {});
  expect(page.workers().filter(isOurs)).toEqual([]);
  await expect.poll(() => sockets.every((socket) => socket.isClosed())).toBe(true);

  await page.unroute('**/manifest');
  await page.getByRole('checkbox').check();
  await read(page);
  expect(complaints).toEqual([]);
});

test('an edge that is not there is told, and tried again when the person asks', async ({ page }) => {
  const port = await freePort();
  const { sockets } = listen(page);
  await open(page, app, `http://127.0.0.1:${port}`);
  await expect(page.getByRole('alert')).toContainText('The edge did not answer');
  await using _edge = await startEdge(app, port);
  await page.getByRole('button', { name: 'Try again' }).click();
  await read(page);
  // One for each try: it is dialled with the first request.
  expect(sockets).toHaveLength(2);

  await open(page, app, `http://127.0.0.1:${port}`, 'nothing');
  await expect(page.getByRole('alert')).toContainText('There is no model "nothing"');
});

test('React 18 runs the same app, built', async ({ page }) => {
  await using built = await buildWithVite(await exampleFolder(18));
  await using edge = await startEdge(built);
  const { complaints, sockets } = listen(page);
  await open(page, built, edge.url);
  await read(page);
  expect(sockets).toHaveLength(1);
  expect(complaints).toEqual([]);
});

async function exampleFolder(react: 18 | 19): Promise<string> {
  const folder = await strangersReactFolder(packed, react);
  await cp(join(EXAMPLE, 'index.html'), join(folder, 'index.html'));
  await cp(join(EXAMPLE, 'src'), join(folder, 'src'), { recursive: true });
  return folder;
}

function startEdge(site: Site, port?: number): Promise<Edge> {
  return Edge.start({
    models: ground.models,
    store: ground.store,
    args: ['--origin', site.origin],
    ...(port === undefined ? {} : { port }),
  });
}

async function open(page: Page, site: Site, edge: string, models = 'tiny,second'): Promise<void> {
  await page.goto(`${site.origin}/?${new URLSearchParams({ edge, models })}`);
}

/** How the app says where its session stands. */
function status(page: Page): Locator {
  return page.locator('p[role="status"]');
}

/** Gives it a picture and waits for the answer, with the trace of that inference. */
async function read(page: Page): Promise<void> {
  const buffer = await page.screenshot();
  await page.getByLabel('Picture').setInputFiles({ name: 'picture.png', mimeType: 'image/png', buffer });
  await expect(page.locator('output')).toHaveText(/^class \d \(\d+ %\)$/);
  await expect(page.locator('[data-trace="1"]')).toHaveText(/^\d+ ms, cut at \d+: [1-9]\d+ bytes sent$/);
}

/** What the page says that nobody wants to hear, and its connections to the edge. */
function listen(page: Page) {
  const complaints: string[] = [];
  const sockets: WebSocket[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !message.text().startsWith('[vite]')) {
      complaints.push(message.text());
    }
  });
  page.on('websocket', (socket) => {
    if (socket.url().includes('/v1/stream')) sockets.push(socket);
  });
  return { complaints, sockets };
}

/** The client's workers, without onnxruntime-web's threads below them. */
function isOurs(worker: { url(): string }): boolean {
  return /(runtime|picture)-worker/.test(worker.url());
}
