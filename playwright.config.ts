import { defineConfig } from '@playwright/test';
import { findChromium } from './scripts/lib/chromium.mjs';

const executablePath = await findChromium();
const isRoot = process.getuid?.() === 0;

/** The page itself is drawn by the CPU: a GPU in software would take a quarter of all time for it, and leave less to what is tested. */
const drawnByCpu = ['--disable-gpu-rasterization', '--disable-gpu-compositing'];

/** Keeps a browser from talking to anybody but the pages under test. */
const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
/** A WebGPU adapter on machines without a GPU: correct, and very slow. */
const softwareWebGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--ignore-gpu-blocklist'];
const noWebGpu = ['--disable-features=WebGPU', '--disable-gpu'];
const args = [...quiet, ...drawnByCpu, ...(isRoot ? ['--no-sandbox'] : [])];

function withChromium(more: readonly string[]) {
  return { launchOptions: { ...(executablePath ? { executablePath } : {}), args: [...args, ...more] } };
}

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  globalSetup: './e2e/harness/set-up.ts',
  // One at a time: the software adapter takes every core there is, and stages are timed.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  use: {
    headless: true,
    // Recording takes time of every test; who looks for a fault runs one by itself.
    trace: process.env.CUTPOINT_BUILT ? 'off' : 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
  projects: [
    { name: 'webgpu', grep: /@webgpu/, use: withChromium(softwareWebGpu) },
    // Everything else runs heads on WASM: a graphics adapter in software takes many times as long for the same answers.
    { name: 'cpu', grepInvert: /@webgpu/, use: withChromium(noWebGpu) },
  ],
});
