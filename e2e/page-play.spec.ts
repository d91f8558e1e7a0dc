import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, type Page, test } from '@playwright/test';
import { Edge, projectRoot } from './harness/edge.js';
import { serveEdge } from './harness/serve-edge.js';
import { DemoPage } from './page-driver.js';

const edge = serveEdge(() => Edge.start({ args: ['--demo'] }));

/** What the page says that it measures beside a control. */
async function measured(page: Page, name: string, pattern: RegExp): Promise<number> {
  const [, figure] = pattern.exec((await page.getByTestId(`${name}-measured`).textContent()) ?? '') ?? [];
  return Number(figure ?? Number.NaN);
}

/** One inference an answer, so that many fit in a short test. */
const QUICK = '?model=ppocr-rec&device=wasm&repeat=1';
const RATE = /up ([\d.]+) Mbit/;
const QUEUE_MS = /queue ([\d.]+) ms/;

test('what a person makes worse gets worse by measurement, and better again', { tag: '@page' }, async ({ page }) => {
  const demo = new DemoPage(page);
  await demo.open(edge().url, `${QUICK}&policy=offload`);
  await demo.moreRuns(2);
  await expect(page.getByTestId('demo-note')).toBeHidden();

  // The link, by the edge; that the page's own transport can do it is held elsewhere.
  await page.getByTestId('pace-by').selectOption('edge');
  await page.getByTestId('link').selectOption('4');
  await expect.poll(() => measured(page, 'link', RATE)).toBeLessThan(4.6);
  await page.getByTestId('link').selectOption('');

  // The edge, by clients more than it has workers for.
  await page.getByTestId('edge-load').selectOption({ label: '6 clients and 2 neighbours' });
  await expect.poll(() => measured(page, 'edge-load', /(\d+) waiting/)).toBeGreaterThanOrEqual(4);
  await expect.poll(() => measured(page, 'edge-load', QUEUE_MS)).toBeGreaterThan(50);
  await page.getByTestId('edge-load').selectOption({ label: 'none' });
  await expect.poll(() => measured(page, 'edge-load', /(\d+) waiting/)).toBeLessThan(3);

  // The connection: cut, tried again and again, mended.
  const connection = page.getByTestId('cut-off-measured');
  await page.getByTestId('cut-off').focus();
  await page.keyboard.press('Enter');
  await expect(connection).toHaveText(/not connected \(the link was taken away\), [1-9]\d* tr(y|ies) failed; waits/);
  await expect(demo.offline).toBeVisible();
  await page.getByRole('button', { name: 'Mend the connection' }).press('Enter');
  await expect(connection).toHaveText('connected');
  await expect(demo.offline).toBeHidden();

  // The device, by work beside its heads.
  await page.getByTestId('policy').selectOption('local');
  const headMs = () => measured(page, 'busy-device', /the last head took ([\d.]+) ms/);
  await expect.poll(headMs).toBeGreaterThan(0);
  await demo.moreRuns(5);
  const before = await headMs();
  await page.getByTestId('busy-device').selectOption('4');
  await expect.poll(headMs).toBeGreaterThan(1.5 * before);
  await page.getByTestId('busy-device').selectOption('0');
  expect(demo.complaints).toEqual([]);
});

test('policies are compared by the same picture, in turn, until a person stops it; the choice is then as it was', {
  tag: '@page',
}, async ({ page }) => {
  const demo = new DemoPage(page);
  // Lines of text are not compressed; where they are found is.
  await demo.open(edge().url, '?model=ppocr-det&device=wasm&policy=offload');
  await demo.answered();
  const compared = page.getByTestId('compared').locator('tbody tr');
  await expect(compared).toHaveText(['Nothing has been compared yet.']);
  for (const policy of ['loadpart', 'local', 'cutpoint']) await page.getByLabel(policy, { exact: true }).uncheck();
  await page.getByTestId('compare').click();
  await expect(page.getByTestId('compare-status')).toContainText('at least two');
  await page.getByLabel('offload-compressed', { exact: true }).check();
  await page.getByTestId('compare').click();
  await expect(page.getByTestId('compare-status')).toContainText('Done', { timeout: 90_000 });
  await expect(compared).toHaveCount(2);
  // Of five runs the p95 is the slowest, and nothing else is said.
  await expect(page.getByTestId('compared').locator('thead th')).toHaveText([
    'Policy',
    'Mean',
    'Slowest',
    'Sent',
    'Runs',
  ]);
  for (const policy of ['offload', 'offload-compressed']) {
    const row = page.getByTestId('compared').locator(`tr[data-policy="${policy}"]`);
    await expect(row.locator('td')).toHaveText([/ms$/, /ms$/, /[KM]B$/, '5']);
  }
  // The one sends the pictures as they are, the other compressed.
  const sent = async (policy: string) => page.locator(`tr[data-policy="${policy}"] td:nth-child(4)`).textContent();
  expect(await sent('offload')).not.toBe(await sent('offload-compressed'));

  await page.getByTestId('compare-rounds').selectOption('40');
  await page.getByTestId('compare').click();
  await expect(page.getByTestId('compare')).toHaveText('Stop');
  await expect(page.getByTestId('compare-status')).toContainText('Round');
  await page.getByTestId('compare').click();
  await expect(page.getByTestId('compare-status')).toContainText('Stopped. What was measured');
  await expect(page.getByTestId('policy')).toHaveValue('offload');
  // The page has read the picture again by the policy that is chosen, before this or soon.
  await expect(page.getByTestId('arms').locator('tr.chosen')).toHaveAttribute('data-cut', '0');
  const before = await demo.runs();
  await page.getByTestId('again').click();
  await expect.poll(() => demo.runs()).toBeGreaterThan(before);
  expect(demo.complaints).toEqual([]);
});

/** `npm run bench -- replay FILE`, without building anew. */
async function replayByBench(file: string): Promise<{ code: number; text: string }> {
  const args = ['apps/bench/dist/main.js', 'replay', file];
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
  return promisify(execFile)(process.execPath, args, { cwd: projectRoot, env }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, text: stdout + stderr }),
  );
}

test(
  'a session is recorded while conditions change, and decided again alike by the bench and on the page',
  { tag: '@page' },
  async ({ page }, testInfo) => {
    const demo = new DemoPage(page);
    await demo.open(edge().url, QUICK);
    await demo.answered();
    await page.getByTestId('record').click();
    await demo.moreRuns(3);
    await page.getByTestId('link').selectOption('2');
    await demo.moreRuns(3);
    await page.getByTestId('policy').selectOption('loadpart');
    await page.getByTestId('edge-load').selectOption({ label: '6 more clients' });
    await demo.moreRuns(3);
    await page.getByTestId('edge-load').selectOption({ label: 'none' });
    const saving = page.waitForEvent('download');
    await page.getByTestId('record').click();
    const file = testInfo.outputPath('recording.json');
    await (await saving).saveAs(file);
    const text = await readFile(file, 'utf8');
    const { decisions, traces } = JSON.parse(text) as {
      decisions: { cut: number; codec: string }[];
      traces: unknown[];
    };
    testInfo.annotations.push({
      type: 'recording',
      description: `${decisions.length} decisions, ${text.length} bytes`,
    });
    expect(decisions.length).toBeGreaterThan(6);
    expect(traces.length).toBeGreaterThan(6);
    expect(new Set(decisions.map(({ cut, codec }) => `${cut} ${codec}`)).size).toBeGreaterThan(1);

    const same = await replayByBench(file);
    expect(same.text).toContain(`all ${decisions.length} are the same`);
    expect(same.code).toBe(0);

    const tampered = testInfo.outputPath('tampered.json');
    const [, , , , fifth] = decisions;
    if (fifth) fifth.cut += 1;
    await writeFile(tampered, JSON.stringify({ ...(JSON.parse(text) as object), decisions }));
    const differs = await replayByBench(tampered);
    expect(differs.text).toMatch(/decision 5: cut \d+, \S+ is recorded; cut \d+, \S+ is decided now/);
    expect(differs.text).toContain(`1 of ${decisions.length} decisions differ`);
    expect(differs.code).toBe(1);
    const broken = testInfo.outputPath('broken.json');
    await writeFile(broken, text.slice(0, text.length / 2));
    expect((await replayByBench(broken)).text).toContain('no recording that can be replayed: it is no JSON');

    const status = page.getByTestId('recording-status');
    const words = page.getByTestId('replay-words');
    await page.getByTestId('replay-file').setInputFiles(file);
    await expect(status).toContainText(`all ${decisions.length} are the same`);
    await page.getByRole('slider', { name: 'Decision' }).focus();
    await page.keyboard.press('End');
    await expect(words).toContainText(`${decisions.length} of ${decisions.length}`);
    await expect(words).toContainText('the same now');
    await expect(page.getByTestId('replayed-arms').locator('tr.chosen')).toHaveCount(1);
    await page.getByTestId('replay-file').setInputFiles(tampered);
    await expect(status).toContainText('1 of');
    await expect(words).toContainText(/^5 of .* different: cut/);
    await page.getByTestId('replay-file').setInputFiles(broken);
    await expect(status).toContainText('it is no JSON');
    await expect(page.getByTestId('replay')).toBeHidden();
    expect(demo.complaints).toEqual([]);
  },
);

test('on an edge that is for no demonstration the controls that need one say so', { tag: '@page' }, async ({
  page,
}) => {
  const demo = new DemoPage(page);
  await page.route('**/v1/models', async (route) => {
    const response = await route.fetch();
    const { models } = (await response.json()) as { models: unknown };
    await route.fulfill({ response, json: { models } });
  });
  await demo.open(edge().url, QUICK);
  await demo.answered();
  await expect(page.getByTestId('demo-note')).toContainText('not started for demonstration');
  await expect(page.getByTestId('edge-load')).toBeDisabled();

  // A link made elsewhere may ask for what this edge does not do: it says so, and the way back is there.
  await demo.open(edge().url, `${QUICK}&link=4&by=edge`);
  await demo.answered();
  await expect(page.getByTestId('demo-note')).toContainText("have it made by this page's own transport");
  await expect(page.getByTestId('link-measured')).not.toContainText('emulated');
  await page.getByTestId('pace-by').selectOption('page');
  await expect(page).not.toHaveURL(/by=/);
  await expect(page.getByTestId('link-measured')).toContainText('emulated: this page waits');
  await expect(page.getByTestId('pace-by')).toBeDisabled();
  expect(demo.complaints).toEqual([]);
});
