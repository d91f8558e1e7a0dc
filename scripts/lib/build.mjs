import { mustRunNode, tsc, vite } from './run.mjs';

/** Compiles the packages and apps (incremental), then bundles the page. Quiet unless something fails. */
export async function buildAll() {
  console.log('Building …');
  await mustRunNode('Compiling', [tsc, '-b'], { quiet: true });
  await mustRunNode('Bundling the page', [vite, 'build', '--logLevel', 'warn'], { quiet: true });
}
