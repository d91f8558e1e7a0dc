import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../bench.js';
import { encoding } from './encoding.js';
import { answers } from './fidelity.js';
import { type Findings, figureTable, valuesOf } from './figures.js';
import { firstResult } from './first/first-result.js';
import { type ClientGround, prepareClientGround } from './ground.js';
import { heap } from './heap/heap.js';
import { local } from './local.js';
import type { Measured, Measurement, Setting } from './measurement.js';
import { CLIENT_USAGE, parseClientOptions } from './options.js';
import { size } from './size.js';
import { streaming } from './streaming.js';
import { switching } from './switching.js';
import { weights } from './weights.js';

const MEASUREMENTS: readonly Measurement[] = [
  local,
  encoding,
  answers,
  firstResult,
  weights,
  switching,
  streaming,
  heap,
  size,
];

/** The client as an app has it, in a real browser with a real edge: what it must show, and what it shows. */
export const client: Bench = {
  summary: `what the browser client must show, figure by figure ${CLIENT_USAGE}`,
  async run(args, print) {
    const options = parseClientOptions(args);
    const workDir = await mkdtemp(join(tmpdir(), 'cutpoint-client-'));
    let coming: Promise<ClientGround> | undefined;
    const ground = () => {
      coming ??= prepareClientGround({ workDir, options, print });
      return coming;
    };
    try {
      const { findings, detail } = await measureAll({ options, print, ground });
      print('');
      for (const line of figureTable(findings)) print(line);
      return { ...valuesOf(findings), detail };
    } finally {
      await (await coming?.catch(() => undefined))?.edge[Symbol.asyncDispose]();
      await rm(workDir, { recursive: true, force: true });
    }
  },
};

async function measureAll(setting: Setting): Promise<Measured> {
  const { only, isQuick } = setting.options;
  if (isQuick) setting.print('Quick: too few runs for figures that mean something.');
  let findings: Findings = {};
  let detail: Measured['detail'] = {};
  for (const measurement of MEASUREMENTS) {
    const asked = measurement.figures.filter((name) => only.has(name));
    if (asked.length === 0) continue;
    setting.print(`\n${measurement.figures.join(', ')}`);
    const measured = await orWhy(measurement, setting);
    const found = asked.flatMap((name) => (measured.findings[name] ? [[name, measured.findings[name]]] : []));
    findings = { ...findings, ...Object.fromEntries(found) };
    detail = { ...detail, ...measured.detail };
  }
  return { findings, detail };
}

/** One that fails takes no other with it. */
async function orWhy({ figures, measure }: Measurement, setting: Setting): Promise<Measured> {
  try {
    return await measure(setting);
  } catch (error) {
    const note = `failed: ${error instanceof Error ? error.message : String(error)}`;
    setting.print(`  ! ${note}`);
    return { findings: Object.fromEntries(figures.map((name) => [name, { value: null, note }])), detail: {} };
  }
}
