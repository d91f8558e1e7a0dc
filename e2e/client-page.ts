import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { build } from 'vite';
import { writeModels } from './client-model.js';
import { runFolder } from './harness/run-folder.js';

/** What `fixtures/client/main.js` puts within reach of a test. */
type Exposed = typeof import('@cutpoint/client') & { readonly Tensor: typeof import('onnxruntime-common').Tensor };

declare global {
  var cutpoint: Exposed;
  var session: import('@cutpoint/client').Session;
}

/** Folders for the tests of one file. */
export interface Ground {
  /** The built page, which all files share. */
  readonly page: string;
  /** A model repository of this file's own. */
  readonly models: string;
  /** All files share it, so that each model is prepared once a run. */
  readonly store: string;
}

/** Builds the page as an app would be built, once a run. */
export async function buildPage(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('./fixtures/client', import.meta.url)),
    build: { outDir: join(folder, 'page'), target: 'es2023', emptyOutDir: true },
    worker: { format: 'es' },
  });
}

/** Writes the models. */
export async function prepareGround(): Promise<Ground> {
  const folder = runFolder();
  const models = await mkdtemp(join(folder, 'models-'));
  await writeModels(models);
  return { page: join(folder, 'page'), models, store: join(folder, 'store') };
}

/** Opens the page and waits until the client is there. */
export async function openPage(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.waitForFunction(() => 'cutpoint' in globalThis);
}

/** The same values in every run, within -1..1. */
export function inputValues(count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.sin(i * 0.7) * Math.cos(i * 0.13));
}
