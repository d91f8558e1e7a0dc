import { median, quantile, round } from '../statistics.js';
import { ClientBrowser, openClientPage } from './client-browser.js';
import { PATHS } from './ground.js';
import type { Measurement } from './measurement.js';
import { ms, quantileRatio } from './ratios.js';

/** WASM code gets faster for some fifteen runs. */
const WARM_UP_RUNS = 25;
/** More than rounding, and the two compute different things. */
const MOST_DIFFERENCE = 1e-3;

/** What a session costs an app that never uses its edge. */
export const local: Measurement = {
  figures: ['localRatio'],
  async measure({ options, print, ground }) {
    const { edge, model } = await ground();
    await using browser = await ClientBrowser.open(options.browserArgs);
    const page = await openClientPage(await browser.visitor(), edge.url);
    const request = { model, network: PATHS.network, warmUpRuns: WARM_UP_RUNS, runs: options.runs };
    const times = await page.evaluate((asked) => globalThis.clientPage.compareLocal(asked), request);
    const { clientMs, bareMs, headMs, device, worstDifference } = times;
    if (!(worstDifference < MOST_DIFFERENCE)) {
      throw new Error(`the outputs differ by ${worstDifference}: two figures for different work are no comparison`);
    }
    const where = `${device.kind}, build ${device.build}, ${device.threads} threads`;
    const note = `${model}, ${where}: client ${ms(median(clientMs))} (${ms(median(headMs))} of it the head in its worker), bare ${ms(median(bareMs))}, ${clientMs.length} pairs`;
    print(`  ${note}`);
    print(`  p95: client ${ms(quantile(clientMs, 0.95))}, bare ${ms(quantile(bareMs, 0.95))}`);
    const pairedMs = median(clientMs.map((own, pair) => own - (bareMs[pair] ?? Number.NaN)));
    print(`  median of the differences within a pair: ${round(pairedMs, 2)} ms`);
    const value = quantileRatio({ ownMs: clientMs, otherMs: bareMs }, 0.5);
    const detail = {
      browser: browser.version,
      device,
      worstDifference,
      pairedMs: round(pairedMs),
      ...roundAll({ clientMs, headMs, bareMs }),
    };
    return { findings: { localRatio: { value, note } }, detail: { local: detail } };
  },
};

function roundAll(times: Readonly<Record<string, readonly number[]>>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, all.map((value) => round(value))]));
}
