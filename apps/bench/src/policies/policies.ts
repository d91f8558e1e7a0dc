import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.js';
import { decide } from '../decide.js';
import { frontier } from '../frontier.js';
import { readOptions, USAGE } from './options.js';
import { DEVICES, EDGES, HEADLINE_LINK } from './protocol.js';
import { reportPage } from './report/page.js';
import { runAll } from './run/pool.js';
import { resultsOf } from './run/results.js';
import { collect, tasksOf } from './run/tasks.js';
import { printTables } from './tables.js';

/** All policies over the same load, links and noise, beside oracles that know the true state. */
export const policies: Bench = {
  summary: USAGE,
  async run(args, print) {
    const { setup, threads, reportFolder, quick, synthetic } = readOptions(args);
    const tasks = tasksOf(setup);
    const profiles = synthetic ? 'SYNTHETIC, measured nowhere' : 'measured';
    const device = DEVICES[setup.device].label;
    const edge = EDGES[setup.edge].label;
    print(`device ${device}, edge ${edge}, profiles ${profiles}; ${tasks.length} tasks in ${threads || 1} threads`);
    const startedAtMs = performance.now();
    const outcomes = collect(await runAll(setup, tasks, threads));
    const results = resultsOf(setup, outcomes);
    const simulatedMs = Math.round(performance.now() - startedAtMs);
    printTables(results, print);
    if (reportFolder !== undefined) {
      const labels = [`device: ${device}`, `edge: ${edge}`, `profiles: ${profiles}`, `seeds ${setup.seeds.join(', ')}`];
      await mkdir(reportFolder, { recursive: true });
      const path = join(reportFolder, 'policies.html');
      await writeFile(path, reportPage({ setup, outcomes, results, labels }));
      print(`\nReport: ${path}`);
    }
    const decision = setup.parts.includes('timing') ? await timing() : undefined;
    return { quick, profiles, device, edge, link: HEADLINE_LINK, ...results, decision, simulatedMs };
  },
};

/** The only figures by the wall clock of this machine. */
async function timing() {
  const [{ meanMicros }, { frontierMs }] = [
    await decide.run(['--decisions', '5000'], () => {}),
    await frontier.run([], () => {}),
  ];
  return { meanMicros, frontierMs };
}
