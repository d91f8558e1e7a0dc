import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { playwright, root } from './run.mjs';

const NAMES = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser', 'chrome'];
const PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe',
];
const INSTALL_TIMEOUT_MS = 5 * 60_000;

/**
 * Path of a Chromium that Playwright can drive, or `undefined`: `CUTPOINT_CHROMIUM`, else an installed Chrome or
 * Chromium, else Playwright's own.
 */
export async function findChromium() {
  const named = process.env.CUTPOINT_CHROMIUM;
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = [...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))), ...PLACES].find(isExecutable);
  if (found) return found;
  const { chromium } = await import('@playwright/test');
  const own = chromium.executablePath();
  return existsSync(own) ? own : undefined;
}

/** A Chromium, installed now if there is none. Says what it tries; throws with the way out when nothing works. */
export async function ensureChromium() {
  const before = await findChromium();
  if (before) return before;
  for (const attempt of [playwrightsOwn, systemPackage]) {
    attempt();
    const found = await findChromium();
    if (found) return found;
  }
  throw new Error('No Chrome or Chromium found, and none could be installed. Install one, or set CUTPOINT_CHROMIUM.');
}

function playwrightsOwn() {
  console.log("No Chrome or Chromium is installed; trying Playwright's own …");
  run(process.execPath, [playwright, 'install', 'chromium']);
}

function systemPackage() {
  const managers = [
    [
      'apt-get',
      [
        ['update', '-qq'],
        ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'],
      ],
    ],
    ['dnf', [['install', '-y', '-q', 'chromium']]],
    ['apk', [['add', '-q', 'chromium']]],
    ['pacman', [['-S', '--noconfirm', '--quiet', 'chromium']]],
    ['brew', [['install', '--quiet', '--cask', 'chromium']]],
  ];
  const isOnPath = (name) =>
    (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, name)));
  for (const [manager, steps] of managers) {
    if (!isOnPath(manager)) continue;
    console.log(`Trying ${manager} …`);
    // Never asks for a password: a test run has nobody to answer.
    const elevate = manager !== 'brew' && process.getuid?.() !== 0 ? ['sudo', '-n'] : [];
    for (const step of steps) {
      const [command, ...args] = [...elevate, manager, ...step];
      run(command, args);
    }
    return;
  }
}

function run(command, args) {
  spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: INSTALL_TIMEOUT_MS,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
