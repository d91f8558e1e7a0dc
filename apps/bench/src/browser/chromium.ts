import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];

export const WEBGPU_ARGS: readonly string[] = ['--enable-unsafe-webgpu', '--ignore-gpu-blocklist'];
/** The graphics adapter that runs on the CPU: right, and slow. */
export const SOFTWARE_ADAPTER_ARG = '--use-webgpu-adapter=swiftshader';

/** A real browser that talks to nobody else. `npm run bench` finds it; elsewhere set `CUTPOINT_CHROMIUM`. */
export function launchChromium(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch(optionsOf(args));
}

/** The same with a profile that outlives it: what one start keeps there, the next one finds. */
export function launchProfile(folder: string, args: readonly string[] = []): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, optionsOf(args));
}

function optionsOf(args: readonly string[]) {
  const executablePath = process.env.CUTPOINT_CHROMIUM;
  if (!executablePath) {
    throw new Error('No Chrome or Chromium found. Install one, or set CUTPOINT_CHROMIUM to the path of one.');
  }
  // Root has no sandbox.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return { executablePath, args: [...QUIET, ...sandbox, ...args] };
}
