import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** In declarations that tsc wrote: `from '…'` and `import('…')`. */
const SPECIFIER = /(\bfrom |\bimport\()(['"])([^'"]+)\2/g;

/**
 * Copies the declarations that the client's own lead to, those of our other packages beside them, with relative imports
 * in the place of our packages' names: whoever installs the tarball has no such packages.
 * @param {string} packagesDir folder that holds `client`, `partition`, … @param {string} to
 * @returns {Promise<string>} the entry, relative to `to`
 */
export async function copyTypes(packagesDir, to) {
  const entry = declarationOf(packagesDir, '@cutpoint/client');
  const seen = new Set([entry]);
  for (const file of seen) {
    const target = targetOf(packagesDir, to, file);
    const text = await readFile(file, 'utf8');
    const rewritten = text.replace(SPECIFIER, (whole, before, quote, specifier) => {
      const found = specifier.startsWith('.')
        ? resolve(dirname(file), specifier).replace(/\.js$/, '.d.ts')
        : declarationOf(packagesDir, specifier);
      if (found === undefined) return whole;
      seen.add(found);
      const path = relative(dirname(target), targetOf(packagesDir, to, found)).replace(/\.d\.ts$/, '.js');
      return `${before}${quote}${path.startsWith('.') ? path : `./${path}`}${quote}`;
    });
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, rewritten.replace(/\n?\/\/# sourceMappingURL=.*\n?$/, '\n'));
  }
  return relative(to, targetOf(packagesDir, to, entry));
}

/** `undefined` for a package that is not ours. */
function declarationOf(packagesDir, specifier) {
  const name = /^@cutpoint\/([a-z]+)$/.exec(specifier)?.[1];
  return name && join(packagesDir, name, 'dist', 'index.d.ts');
}

/** `packages/partition/dist/arm.d.ts` becomes `partition/arm.d.ts`. */
function targetOf(packagesDir, to, file) {
  const [name, , ...rest] = relative(packagesDir, file).split(/[\\/]/);
  return join(to, name, ...rest);
}
