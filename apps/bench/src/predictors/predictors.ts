import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchmarkNetworkName, benchmarkNetworks, isBenchmarkNetworkName } from '@cutpoint/onnx';
import type { Accuracy } from '@cutpoint/partition';
import type { Bench } from '../bench.js';
import { withBrowserOrt } from '../browser/browser-ort.js';
import { thisMachine } from '../machine.js';
import type { OrtDevice } from '../ort/device.js';
import { withNodeOrt } from '../ort/node-ort.js';
import { type Judgement, judge } from './judge.js';
import { LEVELS, type Measured, measure } from './measure.js';
import { loadSubject } from './subject.js';

const HEADS = 6;
const DEVICES = ['browser', 'node'] as const;
type DeviceName = (typeof DEVICES)[number];

/** Predictors per operator kind, from kernel times of the six networks, each network judged by a fit to the others. */
export const predictors: Bench = {
  summary: 'error of run times predicted per node [--networks a,b,…] [--device browser|node] [--save DIR]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: { networks: { type: 'string' }, device: { type: 'string' }, save: { type: 'string' } },
    });
    const names = networksOf(values.networks);
    const devices = DEVICES.filter((name) => values.device === undefined || name === values.device);
    if (devices.length === 0) throw new Error(`--device must be ${DEVICES.join(' or ')}, not '${values.device}'`);
    const results: Partial<Record<DeviceName, Judgement & { readonly label: string }>> = {};
    for (const name of devices) {
      const withDevice = name === 'browser' ? withBrowserOrt<void> : withNodeOrt<void>;
      await withDevice(async (device) => {
        const measured = await measureAll(device, names, print);
        const judgement = judge(measured, `${thisMachine().cpu}, ${device.label}`);
        report(judgement, device.label, print);
        results[name] = { label: device.label, ...judgement };
        if (values.save !== undefined) await save(values.save, name, { label: device.label, measured, judgement });
      });
    }
    return { networks: names, ...results };
  },
};

async function measureAll(
  device: OrtDevice,
  names: readonly BenchmarkNetworkName[],
  print: (line: string) => void,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-predictors-'));
  try {
    // One after the other, so that one network is in memory at a time.
    for (const name of names) {
      const one = await measure(device, await loadSubject(name, HEADS, folder));
      measured.push(one);
      print(`${name.padEnd(12)} heads: ${one.heads.map(({ cut, ms }) => `${cut}: ${ms.toFixed(1)} ms`).join(', ')}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return measured;
}

function report({ levels, shares }: Judgement, label: string, print: (line: string) => void): void {
  print(`\n${label}; every network predicted without it`);
  for (const level of LEVELS) {
    const { nodes, heads, kernelSums } = levels[level];
    print(`\nkernel times at '${level}'`);
    for (const [kind, accuracy] of Object.entries(nodes.kinds)) print(line(kind, accuracy));
    print(line('all kinds', nodes.all));
    for (const [group, accuracy] of Object.entries(heads.groups)) print(line(`heads of ${group}`, accuracy));
    print(line('all heads', heads.all));
    print(line('own kernels summed against the whole', kernelSums));
  }
  print('\nheads as a share of the timed whole network');
  print(line('by FLOPs', shares.flops));
  for (const level of LEVELS) print(line(`by predictors of '${level}'`, shares[level]));
}

function line(what: string, { count, mape, medianApe, bias, r2 }: Accuracy): string {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`.padStart(9);
  const fit = r2 === null ? '   -' : r2.toFixed(2);
  return `  ${what.padEnd(38)}${String(count).padStart(4)}  MAPE ${percent(mape)}  median ${percent(medianApe)}  bias ${percent(bias)}  R² ${fit}`;
}

async function save(folder: string, device: DeviceName, content: unknown): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify({ ...(content as object), machine: thisMachine() }, undefined, 1);
  await writeFile(join(folder, `predictors-${device}.json`), `${text}\n`);
}

function networksOf(list: string | undefined): readonly BenchmarkNetworkName[] {
  const known = Object.keys(benchmarkNetworks).filter(isBenchmarkNetworkName);
  if (list === undefined) return known;
  const names = list.split(',').filter(isBenchmarkNetworkName);
  if (names.length < 2 || names.length !== list.split(',').length) {
    throw new Error(`--networks needs at least two of ${known.join(', ')}, not '${list}'`);
  }
  return names;
}
