import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packClient } from './lib/package/pack.mjs';
import { sizeOf } from './lib/package/size.mjs';
import { root, tsc } from './lib/run.mjs';

// The tarball of @cutpoint/client as a stranger gets it. What it does in a browser is tested in e2e/embed.

/** The aim is 20 KB; docs/decisions/0011 says what the rest is. */
const LIMIT_BYTES = { page: 43_700, worker: 8_450 };

let ground = '';
let folder = '';
let tarball = '';
beforeAll(async () => {
  ground = mkdtempSync(join(tmpdir(), 'cutpoint-package-'));
  ({ folder, tarball } = await packClient(join(ground, 'packed')));
});
afterAll(() => rmSync(ground, { recursive: true, force: true }));

/** Runs a script; an exit code that is not 0 rejects with what it printed. */
async function run(program, args) {
  try {
    return await promisify(execFile)(process.execPath, [program, ...args], { cwd: ground });
  } catch (error) {
    throw new Error(`${program}:\n${error.stdout}${error.stderr}`);
  }
}

test('publint finds nothing to say about it', async () => {
  await run(join(root, 'node_modules/publint/src/cli.js'), ['run', tarball, '--strict']);
});

test('its types are not wrong, for whoever imports modules', async () => {
  await run(join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), [tarball, '--profile', 'esm-only']);
});

test('nothing in it needs a package of ours', () => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && /\.(js|ts|json)$/.test(entry.name),
  );
  const texts = files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  const named = texts.flatMap(
    (text) => text.match(/(from |import\(?\s*)["']@cutpoint\/\w+["']|"@cutpoint\/\w+":/g) ?? [],
  );
  expect(files.length).toBeGreaterThan(10);
  expect(named).toEqual([]);
});

const APP = `
import { connect, CutpointError, DEFAULT_CONNECT_OPTIONS, explainPlan, type Plan, type Session } from '@cutpoint/client';
const session: Session = await connect('https://edge.example', { model: 'm', policy: DEFAULT_CONNECT_OPTIONS.policy });
const off: () => void = session.on('decision', (plan: Plan) => console.log(plan.chosen.terms, explainPlan(plan)));
off();
session.on('trace', ({ totalMs, edge }) => console.log(totalMs.toFixed(), edge?.tailMs));
console.log(session.manifest.variants.map(({ inputs }) => inputs.map(({ dims }) => dims.length)));
// @ts-expect-error there is no such event
session.on('nonsense', () => {});
// @ts-expect-error a model is named by a text
const model: number = session.manifest.model;
// @ts-expect-error defaults are frozen
DEFAULT_CONNECT_OPTIONS.device = 'wasm';
console.log(model, CutpointError);
await session.close();
`;

/** A folder of somebody who installed it. */
function strangersFolder() {
  const app = mkdtempSync(join(ground, 'app-'));
  const modules = join(app, 'node_modules');
  mkdirSync(join(modules, '@cutpoint'), { recursive: true });
  cpSync(folder, join(modules, '@cutpoint', 'client'), { recursive: true });
  cpSync(join(root, 'node_modules', 'onnxruntime-common'), join(modules, 'onnxruntime-common'), { recursive: true });
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  return app;
}

test.each([
  ['bundler', 'esnext'],
  ['nodenext', 'nodenext'],
])('an app without a setting for it compiles, with moduleResolution %s', async (moduleResolution, module) => {
  const app = strangersFolder();
  writeFileSync(join(app, 'app.ts'), APP);
  const lib = ['es2022', 'dom', 'dom.iterable'];
  const compilerOptions = { strict: true, noEmit: true, target: 'es2022', lib, module, moduleResolution, types: [] };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
  await run(join(root, tsc), ['-p', app]);
});

test('a server that renders pages may import it, though nothing of it runs there', async () => {
  const script = join(strangersFolder(), 'server.js');
  writeFileSync(script, `import * as client from '@cutpoint/client'; console.log(Object.keys(client).join());`);
  const { stdout } = await run(script, []);
  expect(stdout).toContain('connect');
});

test('it is as small as it was', async () => {
  const { page, worker, total } = await sizeOf(folder);
  console.log(`@cutpoint/client, gzipped: page ${page} + worker ${worker} = ${total} bytes`);
  expect(page).toBeLessThanOrEqual(LIMIT_BYTES.page);
  expect(worker).toBeLessThanOrEqual(LIMIT_BYTES.worker);
  // A check of nothing would pass.
  expect(total).toBeGreaterThan(10_000);
});
