import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { all, copied } from './dockerfile.mjs';
import { productionPackages } from './production.mjs';

/** Who may give files to somebody else, and become somebody else. */
export const isRoot = process.getuid?.() === 0;

/**
 * Lays the folders of the image's last stage out without a daemon: copies what it copies, out of the checkout, which is
 * built; installs by links what its dependencies are; and runs its own commands, where they may be run.
 * @param {object} image
 * @param {import('./dockerfile.mjs').Stage[]} image.stages
 * @param {string} image.root the checkout
 * @param {string} image.page the built page, which takes the place of the checkout's
 * @param {string} folder takes the place of `/`
 */
export function layOut({ stages, root, page }, folder) {
  const final = stages.at(-1);
  const dependencies = stages.find(({ name }) => name === 'dependencies');
  const workdir = workdirOf(stages);
  const app = join(folder, workdir);
  mkdirSync(app, { recursive: true });
  for (const copy of all(final, 'COPY')) {
    const { sources, destination } = copied(copy);
    for (const source of sources) {
      // In the stages, as here, everything is in the working directory.
      const from = copy.flags.from === undefined ? source : posix.relative(workdir, source);
      const to = join(app, destination);
      if (copy.flags.from !== 'dependencies') put(from === 'dist' ? page : join(root, from), to, destination);
      else installProduction(root, app, from);
    }
  }
  const runs = [...all(dependencies, 'RUN').filter(({ text }) => !text.startsWith('npm ci')), ...all(final, 'RUN')];
  for (const { text } of runs) if (isRoot || !text.includes('-o ')) execFileSync('sh', ['-ec', text], { cwd: app });
  for (const copy of all(final, 'COPY')) {
    if (isRoot && copy.flags.chown !== undefined)
      execFileSync('chown', ['-R', copy.flags.chown, join(app, copied(copy).destination)]);
  }
  return app;
}

export function workdirOf(stages) {
  return all(stages[0], 'WORKDIR')[0]?.text ?? '/';
}

/** A folder's content, or a file; into a folder where the destination ends with a slash. */
function put(from, to, destination) {
  if (lstatSync(from).isDirectory()) return cpSync(from, to, { recursive: true });
  const file = destination.endsWith('/') ? join(to, posix.basename(from)) : to;
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(from, file);
}

/** @param {string} under the only folder that is copied: what npm puts elsewhere is missing here, as it would be there */
function installProduction(root, app, under) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  for (const place of productionPackages(packages, 'apps/edge', root)) {
    if (!place.startsWith(`${under}/`)) continue;
    const to = join(app, place);
    mkdirSync(dirname(to), { recursive: true });
    const entry = packages[place];
    if (entry.link === true) symlinkSync(posix.relative(posix.dirname(place), entry.resolved), to);
    else linkFiles(join(root, place), to);
  }
}

/** Hard links, without the packages within a package, which have places of their own. */
function linkFiles(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') linkFiles(source, target);
    } else linkOrCopy(source, target);
  }
}

function linkOrCopy(source, target) {
  try {
    linkSync(source, target);
  } catch (error) {
    // On another disk, or another user's.
    if (error.code !== 'EXDEV' && error.code !== 'EPERM') throw error;
    copyFileSync(source, target);
  }
}

/** Takes the right to write away from whoever is not root, but for some folders. Files of packages keep theirs: they are links. */
export function makeReadOnly(folder, except) {
  if (except.includes(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) makeReadOnly(join(folder, entry.name), except);
  chmodSync(folder, 0o555);
}

/** Everything in a folder but for some within it, with when it was changed. @returns {string[]} */
export function contentOf(folder, except) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (except.includes(path)) return [];
    if (entry.isDirectory()) return [path, ...contentOf(path, except)];
    return [`${path} ${lstatSync(path).mtimeMs}`];
  });
}
