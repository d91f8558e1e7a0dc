import { buildAll } from '../../scripts/lib/build.mjs';

/** `npx playwright test` works by itself after an install: it tests what is in the sources now. */
export default async function build(): Promise<void> {
  if (!process.env.CUTPOINT_BUILT) await buildAll();
}
