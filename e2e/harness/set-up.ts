import { rm } from 'node:fs/promises';
import { buildAll } from '../../scripts/lib/build.mjs';
import { buildPage } from '../client-page.js';
import { makeRunFolder } from './run-folder.js';

/** `npx playwright test` works by itself after an install: it tests what is in the sources now. */
export default async function setUp(): Promise<() => Promise<void>> {
  if (!process.env.CUTPOINT_BUILT) await buildAll();
  const folder = makeRunFolder();
  await buildPage(folder);
  return () => rm(folder, { recursive: true, force: true });
}
