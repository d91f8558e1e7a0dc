import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'vite';

/**
 * Which way imports run (docs/architecture.md). Per workspace: the packages of ours that it may import, and what of the
 * outside it may not.
 */
const RULES = {
  'packages/partition': { ours: [], banned: /^(node:|onnxruntime-)/ },
  'packages/onnx': { ours: ['partition'], banned: /^(node:|onnxruntime-)/ },
  'packages/protocol': { ours: ['partition'], banned: /^(node:|onnxruntime-)/ },
  'packages/client': { ours: ['partition', 'protocol'], banned: /^(node:|onnxruntime-node)/ },
  'packages/react': { ours: ['client'], banned: /^(node:|onnxruntime-)/ },
  'apps/edge': { ours: ['partition', 'onnx', 'protocol', 'edge'], banned: /^onnxruntime-web/ },
  'apps/demo': { ours: ['client'], banned: /^(node:|onnxruntime-node)/ },
  'apps/react-example': { ours: ['client', 'react'], banned: /^(node:|onnxruntime-node)/ },
  'apps/bench': { ours: ['partition', 'onnx', 'protocol', 'client'] },
  e2e: { ours: ['partition', 'onnx', 'protocol', 'client'] },
};
/** Tests run in Node with real parts. */
const IS_TEST = /\.(test|spec)\.[jt]s$|\/testing\//;

/**
 * What is wrong with one import, or `undefined`.
 * @param {string} file path from the project's root
 * @param {string} specifier as written
 */
export function faultOf(file, specifier) {
  const home = Object.keys(RULES).find((folder) => file.startsWith(`${folder}/`));
  if (home === undefined) return undefined;
  const { ours, banned } = RULES[home];
  if (specifier.startsWith('.')) {
    const target = normalize(join(dirname(file), specifier));
    // The browser tests share the harness that finds a browser and builds.
    const isInside = target.startsWith(`${home}/`) || (home === 'e2e' && target.startsWith('scripts/lib/'));
    return isInside ? undefined : `leaves ${home}: a package is imported by its name`;
  }
  const [scope, name = '', ...rest] = specifier.split('/');
  if (scope === '@cutpoint') {
    if (!ours.includes(name)) return `${home} may import of ours: ${ours.join(', ') || 'nothing'}`;
    // A subpath that `exports` does not name fails by itself; these would reach around it.
    return /^(dist|src)$/.test(rest[0] ?? '') ? 'reaches into a package' : undefined;
  }
  return banned?.test(specifier) && !IS_TEST.test(file) ? `${home} may not use ${specifier}` : undefined;
}

/**
 * Everything that a source file imports, types included.
 * @param {string} path @param {string} [source]
 */
export function importsOf(path, source = readFileSync(path, 'utf8')) {
  const { module, errors } = parseSync(path, source);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const named = module.staticImports.map(({ moduleRequest }) => moduleRequest.value);
  const passedOn = module.staticExports.flatMap(({ entries }) =>
    entries.map(({ moduleRequest }) => moduleRequest?.value),
  );
  const text = (range) => source.slice(range.start, range.end);
  const dynamic = module.dynamicImports.map(({ moduleRequest }) => /^(['"`])(.*)\1$/.exec(text(moduleRequest))?.[2]);
  return [...named, ...passedOn, ...dynamic].filter((specifier) => specifier !== undefined);
}
