import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { packClient } from '../../scripts/lib/package/pack.mjs';
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
  const folder = await mkdtemp(join(tmpdir(), 'cutpoint-embed-'));
  const modules = join(folder, 'node_modules');
  const client = join(modules, '@cutpoint', 'client');
  await mkdir(client, { recursive: true });
  await promisify(execFile)('tar', ['-xzf', tarball, '-C', client, '--strip-components=1']);
  await copyModule('onnxruntime-common', modules);
  await copyModule('onnxruntime-web', modules, ORT_FILES);
  await cp(join(FIXTURES, page), join(folder, 'index.html'));
  await cp(join(FIXTURES, 'app.js'), join(folder, 'app.js'));
  return folder;
}

/** @returns the tarball, in a folder of its own */
export async function pack(): Promise<string> {
  const { tarball } = await packClient(await mkdtemp(join(tmpdir(), 'cutpoint-tarball-')));
  return tarball;
}

async function copyModule(name: string, modules: string, files?: RegExp): Promise<void> {
  const from = join(projectRoot, 'node_modules', name);
  await cp(from, join(modules, name), {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
    filter: (path) => !files || !path.startsWith(join(from, 'dist', '/')) || files.test(path.slice(from.length + 6)),
  });
}
