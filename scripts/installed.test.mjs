import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { whatIsMissing } from './lib/installed.mjs';
import { root } from './lib/run.mjs';

const LINUX = { platform: 'linux', arch: 'x64' };
const LOCK = {
  '': { name: 'project' },
  'apps/edge': { version: '0.1.0' },
  'node_modules/@project/edge': { resolved: 'apps/edge', link: true },
  'node_modules/plain': { version: '1.0.0' },
  'apps/edge/node_modules/plain': { version: '2.0.0' },
  'node_modules/for-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
  'node_modules/for-mac': { version: '1.0.0', optional: true, os: ['darwin'] },
  'node_modules/not-for-windows': { version: '1.0.0', os: ['!win32'] },
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-installed-'));
  write('package-lock.json', LOCK);
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file, packages) {
  writeFileSync(join(folder, file), JSON.stringify({ packages }));
}

/** As npm leaves it behind on a machine with Linux. */
function install(packages = LOCK) {
  const { '': _, 'node_modules/for-mac': __, ...here } = packages;
  for (const path of Object.keys(here)) mkdirSync(join(folder, path), { recursive: true });
  write('node_modules/.package-lock.json', here);
}

test('what this very project has installed is what its lock file names, or no test would run', () => {
  expect(whatIsMissing(root)).toBeUndefined();
});

test('nothing is missing after an install by hand, packages for other machines aside', () => {
  expect(whatIsMissing(folder, LINUX)).toBe('nothing is installed');
  install();
  expect(whatIsMissing(folder, LINUX)).toBeUndefined();
});

test.each([
  [
    'a deleted package',
    () => rmSync(join(folder, 'node_modules/plain'), { recursive: true }),
    'node_modules/plain is gone',
  ],
  [
    'a deleted package of a workspace',
    () => rmSync(join(folder, 'apps/edge/node_modules'), { recursive: true }),
    'apps/edge/node_modules/plain is gone',
  ],
  [
    'a new version',
    () => write('package-lock.json', { ...LOCK, 'node_modules/plain': { version: '1.0.1' } }),
    'node_modules/plain is 1.0.0, not 1.0.1',
  ],
  [
    'a new package',
    () => write('package-lock.json', { ...LOCK, 'node_modules/new': { version: '1.0.0' } }),
    'node_modules/new is not installed',
  ],
  [
    'a record that is no JSON',
    () => writeFileSync(join(folder, 'node_modules/.package-lock.json'), '{'),
    'nothing is installed',
  ],
])('%s is noticed', (_, change, said) => {
  install();
  change();
  expect(whatIsMissing(folder, LINUX)).toBe(said);
});

test('a folder that was copied from another kind of machine is noticed', () => {
  install();
  expect(whatIsMissing(folder, { platform: 'darwin', arch: 'arm64' })).toContain('for another kind of machine');
});
