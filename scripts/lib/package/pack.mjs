import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../run.mjs';
import { bundleClient, WORKERS } from './bundle.mjs';
import { copyTypes } from './types.mjs';

const CLIENT = join(root, 'packages', 'client');

/**
 * Makes the folder that is published as `@cutpoint/client`, from what `tsc -b` compiled, and packs it.
 * @param {string} to emptied first
 * @returns {Promise<{ folder: string, tarball: string }>}
 */
export async function packClient(to) {
  const folder = join(to, 'package');
  await rm(to, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await bundleClient(join(CLIENT, 'dist'), join(folder, 'dist'), { variant: 'packed' });
  await bundleClient(join(CLIENT, 'dist'), join(folder, 'dist', 'webpack'), { variant: 'webpack' });
  const types = await copyTypes(join(root, 'packages'), join(folder, 'types'));
  await cp(join(CLIENT, 'README.md'), join(folder, 'README.md'));
  await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const manifest = published(JSON.parse(await readFile(join(CLIENT, 'package.json'), 'utf8')), `./types/${types}`);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return { folder, tarball: join(to, await npmPack(folder, to)) };
}

/** The workspace's `package.json` as a stranger gets it: without what is bundled, and without what only we need. */
function published(workspace, types) {
  const { private: _, devDependencies: __, exports: ___, files: ____, sideEffects: _____, ...kept } = workspace;
  const foreign = Object.entries(workspace.dependencies).filter(([name]) => !name.startsWith('@cutpoint/'));
  return {
    ...kept,
    dependencies: Object.fromEntries(foreign),
    exports: {
      '.': { types, webpack: './dist/webpack/index.js', default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', 'types'],
    sideEffects: WORKERS.flatMap((worker) => [`./dist/${worker}`, `./dist/webpack/${worker}`]),
  };
}

async function npmPack(folder, to) {
  const args = ['pack', '--json', '--offline', '--pack-destination', to];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: folder, shell: process.platform === 'win32' });
  const packed = JSON.parse(stdout);
  // npm 11 gives a list, later ones an object by name.
  const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed);
  return filename;
}
