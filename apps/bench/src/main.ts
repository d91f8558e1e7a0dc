import { batch } from './batch.js';
import type { Bench } from './bench.js';
import { client } from './client/client.js';
import { decide } from './decide.js';
import { edge } from './edge/edge.js';
import { encode } from './encode/encode.js';
import { quantisers } from './fidelity/compare-quantisers.js';
import { fidelity } from './fidelity/fidelity.js';
import { frontier } from './frontier.js';
import { live } from './live/live.js';
import { thisMachine } from './machine.js';
import { overhead } from './overhead/overhead.js';
import { page } from './page/page.js';
import { policies } from './policies/policies.js';
import { predictors } from './predictors/predictors.js';
import { profile } from './profile/profile.js';
import { replay } from './replay.js';

const benches: Readonly<Record<string, Bench>> = {
  batch,
  client,
  decide,
  edge,
  encode,
  fidelity,
  frontier,
  live,
  overhead,
  page,
  policies,
  predictors,
  profile,
  quantisers,
  replay,
};

const [name, ...rest] = process.argv.slice(2);
const json = rest.includes('--json');
const bench = name !== undefined && Object.hasOwn(benches, name) ? benches[name] : undefined;

if (bench === undefined) {
  const list = Object.entries(benches).map(([known, { summary }]) => `  ${known.padEnd(12)}${summary}`);
  const asked = name === undefined ? 'Usage: npm run bench -- NAME [--json]' : `There is no bench '${name}'.`;
  console.error([asked, '', 'Benches:', ...list].join('\n'));
  process.exitCode = name === undefined ? 0 : 2;
} else {
  const machine = thisMachine();
  const print = (line: string) => console.log(line);
  print(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, onnxruntime ${machine.onnxruntime}`);
  try {
    const result = await bench.run(
      rest.filter((arg) => arg !== '--json'),
      print,
    );
    if (json) console.log(JSON.stringify({ bench: name, ...result, machine }));
  } catch (error) {
    console.error(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
