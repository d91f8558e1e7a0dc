import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** In declarations that tsc wrote: `from '…'` and `import('…')`. */
const SPECIFIER = /(\bfrom |\bimport\()(['"])([^'"]+)\2/g;

/**
 * Copies the declarations that a package's own lead to, those of our packages that are bundled with it beside them, with
 * relative imports in the place of their names: whoever installs the tarball has no such packages.
 * @param {string} packagesDir folder that holds `client`, `partition`, … @param {string} to
 * @param {{ of: string, bundled: readonly string[] }} options names of those folders
 * @returns {Promise<string>} the entry, relative to `to`
 */
export async function copyTypes(packagesDir, to, { of, bundled }) {
  const entry = declarationOf(packagesDir, of);
  const bundledDeclaration = (specifier) => {
    const name = /^@cutpoint\/([a-z]+)$/.exec(specifier)?.[1];
    return bundled.includes(name) ? declarationOf(packagesDir, name) : undefined;
  };
  const seen = new Set([entry]);
  for (const file of seen) {
    const target = targetOf(packagesDir, to, file);
    const text = await readFile(file, 'utf8');
    const rewritten = text.replace(SPECIFIER, (whole, before, quote, specifier) => {
      const found = specifier.startsWith('.')
        ? resolve(dirname(file), specifier).replace(/\.js$/, '.d.ts')
        : bundledDeclaration(specifier);
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

function declarationOf(packagesDir, name) {
  return join(packagesDir, name, 'dist', 'index.d.ts');
}

/** `packages/partition/dist/arm.d.ts` becomes `partition/arm.d.ts`. */
function targetOf(packagesDir, to, file) {
  const [name, , ...rest] = relative(packagesDir, file).split(/[\\/]/);
  return join(to, name, ...rest);
}
