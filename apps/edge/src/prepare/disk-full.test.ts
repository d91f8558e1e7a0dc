import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { networkFile } from '../models/network-source.js';
import { ModelRepository } from '../models/repository.js';
import { slowOnnx } from '../testing/tiny-models.js';
import { prepareModel } from './prepare.js';

/** A disk that really is full, where this user may mount one: elsewhere only its error is tried (store.test.ts). */

const folder = mkdtempSync(join(tmpdir(), 'cutpoint-disk-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
const isMounted = mount();
afterAll(() => {
  if (isMounted) execFileSync('umount', [disk]);
  rmSync(folder, { recursive: true });
});

function mount(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { stdio: 'ignore' });
    // But for one page.
    writeFileSync(join(disk, 'others'), Buffer.alloc(60 * 1024));
    return true;
  } catch {
    return false;
  }
}

it.skipIf(!isMounted)('a disk that is full while a model is prepared is told in words of its own', async () => {
  const models = join(folder, 'models');
  mkdirSync(join(models, 'slow'), { recursive: true });
  writeFileSync(join(models, 'slow/net.onnx'), slowOnnx(2));
  const config = { description: 'slow', source: { file: 'net.onnx' } };
  writeFileSync(join(models, 'slow/config.json'), JSON.stringify(config));
  const storeDir = join(disk, 'store');
  const repository = new ModelRepository({ dir: models, storeDir, prepare: prepareModel });
  await repository.scan();
  await repository.prepareAll();
  expect(repository.get('slow')).toMatchObject({ status: 'failed', code: 'store_full' });
  expect(repository.get('slow')?.reason).toContain(storeDir);
  // What was half written takes no room any more.
  expect(readdirSync(join(storeDir, 'objects')).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it.skipIf(!isMounted)('nor does a network that is built there leave anything half done', async () => {
  const storeDir = join(disk, 'networks-store');
  await expect(networkFile('squeezenet', { storeDir })).rejects.toMatchObject({ code: 'store_full' });
  expect(readdirSync(join(storeDir, 'networks'))).toEqual([]);
});
