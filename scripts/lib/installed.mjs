import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Why what lies in `node_modules` is not what the lock file names, by npm's own record of it; `undefined` when it is.
 * Whoever installed it, and with which npm, does not matter.
 * @param {string} folder the project
 * @param {{ platform: string, arch: string }} [machine]
 * @returns {string | undefined}
 */
export function whatIsMissing(folder, machine = process) {
  const wanted = readPackages(join(folder, 'package-lock.json'));
  const installed = readPackages(join(folder, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'nothing is installed';
  for (const [path, entry] of Object.entries(wanted ?? {})) {
    // The project itself, and its workspaces, which `node_modules` links to.
    if (!path.includes('node_modules/')) continue;
    const found = installed[path];
    const mayLack = entry.optional === true || entry.devOptional === true || !fits(entry, machine);
    if (found === undefined) {
      if (mayLack) continue;
      return `${path} is not installed`;
    }
    if (found.version !== entry.version) return `${path} is ${found.version}, not ${entry.version}`;
    if (!fits(entry, machine)) return `${path} is for another kind of machine`;
    if (!existsSync(join(folder, path))) return `${path} is gone`;
  }
  return undefined;
}

/** As npm reads `os` and `cpu`: names that fit, or names with a `!` that do not. */
function fits({ os, cpu }, { platform, arch }) {
  return isListed(os, platform) && isListed(cpu, arch);
}

function isListed(names, own) {
  if (names === undefined) return true;
  if (names.includes(`!${own}`)) return false;
  return names.includes(own) || names.every((name) => name.startsWith('!'));
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return undefined;
  }
}
