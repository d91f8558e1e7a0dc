import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where the lock file puts the packages that a workspace runs with, what those need included, from the project's root.
 * `npm ls --omit=dev` names more: what other workspaces are developed with, if a package could use it.
 * @param {Record<string, object>} packages of the lock file
 * @param {string} workspace
 * @param {string} root optional packages that are not installed for this machine are left out
 * @returns {string[]}
 */
export function productionPackages(packages, workspace, root) {
  const found = new Set();
  const visit = (path) => {
    const { dependencies = {}, optionalDependencies = {} } = packages[path] ?? {};
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) {
      const place = placeOf(packages, path, name);
      if (place === undefined) throw new Error(`the lock file has no ${name} for ${path}`);
      if (found.has(place) || (name in optionalDependencies && !existsSync(join(root, place)))) continue;
      found.add(place);
      visit(packages[place]?.link === true ? packages[place].resolved : place);
    }
  };
  visit(workspace);
  return [...found].sort();
}

/** As Node looks for it: beside, then further and further up. */
function placeOf(packages, from, name) {
  for (let folder = from; ; folder = folder.replace(/(^|\/)[^/]*$/, '')) {
    const place = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (place in packages) return place;
    if (folder === '') return undefined;
  }
}
