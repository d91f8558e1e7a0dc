import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BenchmarkNetworkName, benchmarkNetworks, isBenchmarkNetworkName } from '@cutpoint/onnx';
import type { Bench } from '../bench.js';
import { type BrowserOrt, withBrowserOrt } from '../browser/browser-ort.js';
import { thisMachine } from '../machine.js';
import type { OrtDevice } from '../ort/device.js';
import { withNodeOrt } from '../ort/node-ort.js';
import { PROFILES_FOLDER, parseProfile, readProfiles } from '../policies/profile-file.js';
import { round } from '../statistics.js';
import { chooseCuts } from './choose-cuts.js';
import { openCodecPage } from './codec-page.js';
import { stepsBack } from './monotony.js';
import { timeNumberCodecs } from './number-codecs.js';
import { type Photograph, readPhotographs } from './photographs.js';
import { timePictureCodecs } from './picture-codecs.js';
import { prepareNetwork } from './prepared-network.js';
import { fileText, type ProfileContent, profileOf } from './profile-content.js';
import { proposedCuts } from './proposed-cuts.js';
import { assertComparable, refined } from './refine.js';
import { isPrefix, type TimedCut, timeCuts } from './time-cuts.js';

const MOST_PROPOSED = 16;
const CUTS = { least: 14, most: 18 };

/** Times the benchmark networks: what the simulator of policies knows of this machine. */
export const profile: Bench = {
  summary: 'heads in a browser and tails in Node, timed and kept [--networks a,b,…] [--out DIR] [--refine]',
  async run(args, print) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        networks: { type: 'string' },
        out: { type: 'string', default: PROFILES_FOLDER },
        refine: { type: 'boolean', default: false },
      },
    });
    const names = networksOf(values.networks);
    await mkdir(values.out, { recursive: true });
    const summaries = await withBrowserOrt((device) =>
      withNodeOrt(async (edge) => {
        const summaries: Readonly<Record<string, unknown>>[] = [];
        const codecs = await measureCodecs(device, names);
        for (const name of names) {
          const content = await measure(name, device, edge, codecs, values.refine ? values.out : undefined, print);
          // What the simulator would refuse must not be written.
          parseProfile(content, name);
          await writeFile(join(values.out, `${name}.json`), fileText(content));
          summaries.push(summaryOf(content));
        }
        return summaries;
      }),
    );
    return { networks: summaries };
  },
};

interface MeasuredCodecs {
  readonly numbers: ProfileContent['codecs'];
  readonly photographs: readonly Photograph[];
  pictureOf(network: BenchmarkNetworkName): ProfileContent['input'];
}

/** All at once, so that no other page is open beside the heads. */
async function measureCodecs(device: BrowserOrt, names: readonly BenchmarkNetworkName[]): Promise<MeasuredCodecs> {
  const page = await openCodecPage(device.page);
  try {
    const photographs = await readPhotographs(page);
    const numbers = await timeNumberCodecs(page);
    const pictures = new Map<string, ProfileContent['input']>();
    for (const name of names) {
      const size = sizeOf(name);
      if (!pictures.has(String(size))) pictures.set(String(size), await timePictureCodecs(page, photographs, size));
    }
    return {
      numbers,
      photographs,
      pictureOf(network) {
        const found = pictures.get(String(sizeOf(network)));
        if (found === undefined) throw new Error(`no picture of the size of ${network} was measured`);
        return found;
      },
    };
  } finally {
    await page.close();
  }
}

/** [h, w] */
function sizeOf(name: BenchmarkNetworkName): readonly [number, number] {
  const [, , height = 0, width = 0] = benchmarkNetworks[name].input.dims;
  return [height, width];
}

async function measure(
  name: BenchmarkNetworkName,
  device: BrowserOrt,
  edge: OrtDevice,
  codecs: MeasuredCodecs,
  earlierFolder: string | undefined,
  print: (line: string) => void,
): Promise<ProfileContent> {
  const [earlier] = earlierFolder === undefined ? [] : readProfiles([name], earlierFolder);
  if (earlier) assertComparable(earlier, { cpu: thisMachine().cpu, browser: device.label, edge: edge.label });
  const startedAt = new Date();
  const loadBefore = loadavg()[0] ?? 0;
  const network = await prepareNetwork(name);
  const cuts = chooseCuts(network.cuts, { ...CUTS, proposed: proposedCuts(network, MOST_PROPOSED) });
  const fresh = await timeCuts(network, cuts, { device, edge });
  const timed = earlier === undefined ? fresh : refined(fresh, earlier);
  const content = profileOf({
    network,
    timed,
    machine: {
      ...thisMachine(),
      edge: edge.label,
      loadAverage: [loadBefore, loadavg()[0] ?? 0].map((load) => round(load, 2)),
      photographs: codecs.photographs.map((photograph) => photograph.name),
    },
    date: startedAt.toISOString(),
    refines: earlier?.date,
    browser: device.label,
    input: codecs.pictureOf(name),
    codecs: codecs.numbers,
  });
  report(name, timed, content, (Date.now() - startedAt.getTime()) / 1000, print);
  return content;
}

function report(
  name: string,
  timed: readonly TimedCut[],
  { machine: { loadAverage } }: ProfileContent,
  seconds: number,
  print: (line: string) => void,
): void {
  print(`\n${name}: ${timed.length} cuts in ${seconds.toFixed(0)} s, load average ${loadAverage.join(' to ')}`);
  print('  cut     KB up   head ms (spread)   tail ms (spread)');
  for (const { cut, head, tail } of timed) {
    const side = ({ ms, spread }: typeof head): string =>
      `${ms.toFixed(1).padStart(10)} (${(100 * spread).toFixed(0).padStart(3)} %)`;
    print(`  ${String(cut.id).padStart(3)}${(cut.bytesUp / 1000).toFixed(0).padStart(10)}${side(head)}${side(tail)}`);
  }
  const prefixes = timed.filter(({ cut }) => isPrefix(cut));
  const heads = stepsBack(prefixes.map(({ head }) => head.ms)).map((index) => prefixes[index]?.cut.id);
  const backwards = prefixes.toReversed();
  const tails = stepsBack(backwards.map(({ tail }) => tail.ms)).map((index) => backwards[index]?.cut.id);
  if (heads.length > 0) print(`  heads still out of order at cuts ${heads.join(', ')}`);
  if (tails.length > 0) print(`  tails still out of order at cuts ${tails.join(', ')}`);
}

function summaryOf({ network, cuts, timings }: ProfileContent): Readonly<Record<string, unknown>> {
  return {
    network,
    cuts: cuts.length,
    localMs: cuts.find(({ tailNodes }) => tailNodes === 0)?.headMs,
    offloadMs: cuts[0]?.tailMs,
    widestSpread: Math.max(...timings.flatMap(({ headSpread, tailSpread }) => [headSpread, tailSpread])),
  };
}

function networksOf(list: string | undefined): readonly BenchmarkNetworkName[] {
  const known = Object.keys(benchmarkNetworks).filter(isBenchmarkNetworkName);
  if (list === undefined) return known;
  const asked = list.split(',');
  const names = asked.filter(isBenchmarkNetworkName);
  if (names.length !== asked.length) throw new Error(`--networks are some of ${known.join(',')}, not '${list}'`);
  return names;
}
