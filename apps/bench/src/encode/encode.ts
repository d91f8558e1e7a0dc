import { parseArgs } from 'node:util';
import type { Bench } from '../bench.js';
import { median, quantile, round } from '../statistics.js';
import { withEncodePage } from './encode-browser.js';

/** f32 in a tensor: a narrow crossing, a wide one, and one so large that what every call costs does not show. */
const SIZES_MB = [0.1, 1, 8];
const CODECS = ['u8', 'f16'] as const;
const WARM_UP_RUNS = 20;
const LEAST_RUNS = 50;

/** Encoding on the GPU against reading f32 back and encoding on the CPU, in pairs in one page. */
export const encode: Bench = {
  summary: 'u8 and f16 on the GPU against the CPU, in a browser: [--runs 50] [--software] [--browser-arg=ARG]…',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        runs: { type: 'string', default: String(LEAST_RUNS) },
        software: { type: 'boolean', default: false },
        'browser-arg': { type: 'string', multiple: true, default: [] },
      },
    });
    const runs = Number(values.runs);
    if (!Number.isInteger(runs) || runs < LEAST_RUNS) {
      throw new Error(`--runs ${values.runs}: a whole number of at least ${LEAST_RUNS} is needed for a median`);
    }
    const options = { software: values.software, args: values['browser-arg'] };
    return withEncodePage(options, async ({ page, adapter, version }) => {
      print(`Chromium ${version}, WebGPU on ${adapter.name}, medians of ${runs} runs`);
      if (adapter.isSoftware) print('This adapter runs on the CPU: what follows says nothing of real GPUs.');
      const results = [];
      for (const codec of CODECS) {
        for (const megabytes of SIZES_MB) {
          const request = { codec, numBytes: megabytes * 1e6, warmUpRuns: WARM_UP_RUNS, runs };
          const times = await page.evaluate((asked) => globalThis.encodePage.time(asked), request);
          const [gpuMs, cpuMs, readBackMs] = [times.gpuMs, times.cpuMs, times.readBackMs].map(median);
          const result = {
            codec,
            megabytes,
            gpuMs: round(gpuMs ?? Number.NaN),
            gpuP95Ms: round(quantile(times.gpuMs, 0.95)),
            cpuMs: round(cpuMs ?? Number.NaN),
            cpuP95Ms: round(quantile(times.cpuMs, 0.95)),
            cpuReadBackMs: round(readBackMs ?? Number.NaN),
            gpuMsPerMB: round((gpuMs ?? Number.NaN) / megabytes),
            cpuMsPerMB: round((cpuMs ?? Number.NaN) / megabytes),
          };
          results.push(result);
          print(
            `${codec.padEnd(4)} ${String(megabytes).padStart(4)} MB of f32: GPU ${result.gpuMs} ms, ` +
              `CPU ${result.cpuMs} ms (${result.cpuReadBackMs} of it the read-back)`,
          );
        }
      }
      const largest = results.find(({ codec, megabytes }) => codec === 'u8' && megabytes === SIZES_MB.at(-1));
      return { browser: version, adapter, runs, encodeU8MsPerMB: largest?.gpuMsPerMB, results };
    });
  },
};
