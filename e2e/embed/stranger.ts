import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packClient, packReact } from '../../scripts/lib/package/pack.mjs';
import { projectRoot } from '../harness/edge.js';

const FIXTURES = fileURLToPath(new URL('./fixtures', import.meta.url));
/** What apps use of onnxruntime-web; the rest is another 60 MB. */
const ORT_FILES =
  /^ort\.(jspi|webgpu|wasm)\.bundle\.min\.mjs$|^ort-wasm-simd-threaded\.(jspi\.|asyncify\.)?(wasm|mjs)$/;

/**
 * A folder of somebody who installed the packed tarball, far from this repository: nothing of it can be found by going
 * up. The peer is copied from here rather than fetched.
 * @param page of the fixtures, becomes `index.html`
 */
export async function strangersFolder(tarball: string, page: string): Promise<string> {
  const folder = await installed({ '@cutpoint/client': tarball });
  await cp(join(FIXTURES, page), join(folder, 'index.html'));
  await cp(join(FIXTURES, 'app.js'), join(folder, 'app.js'));
  return folder;
}

/** A folder with React beside the client, the newest or the oldest that it works with, and no app yet. */
export async function strangersReactFolder(tarballs: Packed, react: 18 | 19): Promise<string> {
  const folder = await installed({ '@cutpoint/client': tarballs.client, '@cutpoint/react': tarballs.react });
  const home = join(projectRoot, react === 18 ? 'e2e/react-18' : 'apps/react-example', 'package.json');
  const dom = createRequire(home).resolve('react-dom/package.json');
  const wanted = { react: home, 'react-dom': home, scheduler: dom };
  for (const [name, importer] of Object.entries(wanted)) {
    const from = dirname(createRequire(importer).resolve(`${name}/package.json`));
    await cp(from, join(folder, 'node_modules', name), { recursive: true, dereference: true });
  }
  return folder;
}

/** Tarballs, each in a folder of its own. */
export interface Packed {
  readonly client: string;
  readonly react: string;
}

export async function pack(): Promise<string> {
  const { tarball } = await packClient(await mkdtemp(join(tmpdir(), 'cutpoint-tarball-')));
  return tarball;
}

export async function packBoth(): Promise<Packed> {
  const { tarball: react } = await packReact(await mkdtemp(join(tmpdir(), 'cutpoint-tarball-')));
  return { client: await pack(), react };
}

/** Tarballs by name, with onnxruntime-web. */
async function installed(tarballs: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-embed-'));
  const modules = join(folder, 'node_modules');
  for (const [name, tarball] of Object.entries(tarballs)) {
    await mkdir(join(modules, name), { recursive: true });
    await promisify(execFile)('tar', ['-xzf', tarball, '-C', join(modules, name), '--strip-components=1']);
  }
  await copyModule('onnxruntime-common', modules);
  await copyModule('onnxruntime-web', modules, ORT_FILES);
  return folder;
}

async function copyModule(name: string, modules: string, files?: RegExp): Promise<void> {
  const from = join(projectRoot, 'node_modules', name);
  await cp(from, join(modules, name), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    filter: (path) => !files || !path.startsWith(join(from, 'dist', '/')) || files.test(path.slice(from.length + 6)),
  });
}
