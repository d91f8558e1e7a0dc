import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../run.mjs';
import { bundle, bundleClient, WORKERS } from './bundle.mjs';
import { copyTypes } from './types.mjs';

const PACKAGES = join(root, 'packages');
const CLIENT = join(PACKAGES, 'client');
const REACT = join(PACKAGES, 'react');

/**
 * Makes the folder that is published as `@cutpoint/client`, from what `tsc -b` compiled, and packs it.
 * @param {string} to emptied first
 * @returns {Promise<{ folder: string, tarball: string }>}
 */
export async function packClient(to) {
  const folder = await emptied(to);
  await bundleClient(join(CLIENT, 'dist'), join(folder, 'dist'), { variant: 'packed' });
  await bundleClient(join(CLIENT, 'dist'), join(folder, 'dist', 'webpack'), { variant: 'webpack' });
  const types = await copyTypes(PACKAGES, join(folder, 'types'), { of: 'client', bundled: ['partition', 'protocol'] });
  return finish(CLIENT, to, {
    exports: {
      '.': { types: `./types/${types}`, webpack: './dist/webpack/index.js', default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', 'types'],
    sideEffects: WORKERS.flatMap((worker) => [`./dist/${worker}`, `./dist/webpack/${worker}`]),
  });
}

/**
 * The same for `@cutpoint/react`, which leaves the client and React to the app: there must be one of each.
 * @param {string} to emptied first
 * @returns {Promise<{ folder: string, tarball: string }>}
 */
export async function packReact(to) {
  const folder = await emptied(to);
  await bundle({ index: join(REACT, 'dist', 'index.js') }, join(folder, 'dist'));
  const types = await copyTypes(PACKAGES, join(folder, 'types'), { of: 'react', bundled: [] });
  return finish(REACT, to, {
    exports: {
      '.': { types: `./types/${types}`, default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', 'types'],
    sideEffects: false,
  });
}

async function emptied(to) {
  const folder = join(to, 'package');
  await rm(to, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Adds what every package has, and packs the folder. */
async function finish(workspace, to, contents) {
  const folder = join(to, 'package');
  await cp(join(workspace, 'README.md'), join(folder, 'README.md'));
  await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const manifest = published(JSON.parse(await readFile(join(workspace, 'package.json'), 'utf8')), contents);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return { folder, tarball: join(to, await npmPack(folder, to)) };
}

/** The workspace's `package.json` as a stranger gets it: without what is bundled, and without what only we need. */
function published(workspace, contents) {
  const { private: _, devDependencies: __, dependencies = {}, ...kept } = workspace;
  const foreign = Object.entries(dependencies).filter(([name]) => !name.startsWith('@cutpoint/'));
  return { ...kept, ...(foreign.length > 0 && { dependencies: Object.fromEntries(foreign) }), ...contents };
}

async function npmPack(folder, to) {
  const args = ['pack', '--json', '--offline', '--pack-destination', to];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: folder, shell: process.platform === 'win32' });
  const packed = JSON.parse(stdout);
  // npm 11 gives a list, later ones an object by name.
  const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed);
  return filename;
}
