import type { RuntimeTensors } from '@cutpoint/onnx';
import type { Browser, Page } from 'playwright-core';
import { LEAST_RUNS, type OrtDevice, type RunnableGraph, type TimeOptions } from '../ort/device.js';
import { readNodeTrace } from '../ort/node-trace.js';
import { launchChromium } from './chromium.js';
import type { PageOrt, PageRequest } from './page.js';
import { type PageServer, startPageServer } from './page-server.js';

declare global {
  /** Put there by `page.ts`, in the browser. */
  var pageOrt: PageOrt;
}

/** ONNX Runtime Web (the `/wasm` build) in a page of a real Chromium. */
export interface BrowserOrt extends OrtDevice {
  readonly page: Page;
}

export interface BrowserOrtOptions {
  /** Of the WASM backend. Default 1. */
  readonly threads?: number;
}

/**
 * Opens a browser, lends it to `use`, and closes it. `npm run bench` finds the browser; elsewhere set
 * `CUTPOINT_CHROMIUM`.
 *
 * @example
 * const ms = await withBrowserOrt((ort) => ort.time({ bytes, packs: [] }, feeds, { runs: 20 }));
 */
export async function withBrowserOrt<T>(
  use: (ort: BrowserOrt) => Promise<T>,
  { threads = 1 }: BrowserOrtOptions = {},
): Promise<T> {
  await using server = await startPageServer();
  const browser = await launchChromium();
  try {
    return await use(await openOrt(browser, server, threads));
  } finally {
    await browser.close();
  }
}

async function openOrt(browser: Browser, server: PageServer, threads: number): Promise<BrowserOrt> {
  const page = await browser.newPage();
  // Sessions of large networks take their time.
  page.setDefaultTimeout(0);
  await page.goto(server.url);
  await page.waitForFunction(() => 'pageOrt' in globalThis);
  const version = await page.evaluate((count) => globalThis.pageOrt.load(count), threads);
  const plural = threads === 1 ? 'thread' : 'threads';

  return {
    page,
    label: `Chromium ${browser.version()}, onnxruntime-web ${version} WASM, ${threads} ${plural}`,
    time: (graph, feeds, options) =>
      withRequest(server, graph, feeds, options, (request) =>
        page.evaluate((asked) => globalThis.pageOrt.time(asked), request),
      ),
    profile: async (graph, feeds, options) =>
      readNodeTrace(
        await withRequest(server, graph, feeds, options, (request) =>
          page.evaluate((asked) => globalThis.pageOrt.profile(asked), request),
        ),
      ),
  };
}

async function withRequest<T>(
  server: PageServer,
  graph: RunnableGraph,
  feeds: RuntimeTensors,
  { level = 'all', runs, budgetMs }: TimeOptions,
  use: (request: PageRequest) => Promise<T>,
): Promise<T> {
  const loans: Disposable[] = [];
  const lend = (bytes: Uint8Array): string => {
    const loan = server.lend(bytes);
    loans.push(loan);
    return loan.url;
  };
  try {
    return await use({
      graph: lend(graph.bytes),
      packs: graph.packs.map(({ path, bytes }) => ({ path, url: lend(bytes) })),
      feeds: Object.entries(feeds).map(([name, { type, dims, bytes }]) => ({ name, type, dims, url: lend(bytes) })),
      level,
      runs,
      leastRuns: LEAST_RUNS,
      budgetMs: budgetMs ?? Number.MAX_VALUE,
    });
  } finally {
    for (const loan of loans) loan[Symbol.dispose]();
  }
}
