import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, tsc } from '../run.mjs';

// What somebody finds who installs a tarball of ours and knows nothing of this repository. Each rejects with what was said.

/**
 * A folder with an app's dependencies installed.
 * @param {string} ground folder to make it in @param {Record<string, string>} packages unpacked tarballs by name
 * @param {readonly string[]} others taken from here rather than fetched
 */
export function strangersFolder(ground, packages, others) {
  const app = mkdtempSync(join(ground, 'app-'));
  const fromHere = Object.fromEntries(others.map((name) => [name, join(root, 'node_modules', name)]));
  for (const [name, folder] of Object.entries({ ...packages, ...fromHere })) {
    cpSync(folder, join(app, 'node_modules', name), { recursive: true });
  }
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
  return app;
}

/** Compiles an app, strictly, declarations of its dependencies included. */
export async function compile(app, file, source, settings) {
  writeFileSync(join(app, file), source);
  const lib = ['es2022', 'dom', 'dom.iterable'];
  const compilerOptions = { strict: true, noEmit: true, target: 'es2022', lib, types: [], ...settings };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
  await run(join(root, tsc), ['-p', app]);
}

/** What a package exports where there is no browser. */
export async function namesOf(name, app) {
  const script = join(app, 'server.js');
  writeFileSync(script, `import * as all from '${name}'; console.log(Object.keys(all).join());`);
  return (await run(script, [])).trim().split(',');
}

export async function publint(tarball) {
  await run(join(root, 'node_modules/publint/src/cli.js'), ['run', tarball, '--strict']);
}

export async function areTheTypesWrong(tarball) {
  await run(join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), [tarball, '--profile', 'esm-only']);
}

async function run(script, args) {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { cwd: tmpdir() });
    return stdout;
  } catch (error) {
    throw new Error(`${script}:\n${error.stdout}${error.stderr}`);
  }
}
