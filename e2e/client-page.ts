import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { build } from 'vite';
import { writeModels } from './client-model.js';

/** What `fixtures/client/main.js` puts within reach of a test. */
type Exposed = typeof import('@cutpoint/client') & { readonly Tensor: typeof import('onnxruntime-common').Tensor };

declare global {
  var cutpoint: Exposed;
  var session: import('@cutpoint/client').Session;
}

/** Folders for one run of the tests: the built page, a model repository and an empty store. */
export interface Ground {
  readonly page: string;
  readonly models: string;
  readonly store: string;
}

/** Builds the page as an app would be built, and writes the models. */
export async function prepareGround(): Promise<Ground> {
  const root = await mkdtemp(join(tmpdir(), 'cutpoint-client-'));
  const ground = { page: join(root, 'page'), models: join(root, 'models'), store: join(root, 'store') };
  await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('./fixtures/client', import.meta.url)),
    build: { outDir: ground.page, target: 'es2023', emptyOutDir: true },
    worker: { format: 'es' },
  });
  await writeModels(ground.models);
  return ground;
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
