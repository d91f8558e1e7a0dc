// `npm run pack`: the tarballs of @cutpoint/client and @cutpoint/react, as they would be published.
import { join } from 'node:path';
import { ensureInstalled } from './lib/install.mjs';
import { packClient, packReact } from './lib/package/pack.mjs';
import { mustRunNode, root, tsc } from './lib/run.mjs';

ensureInstalled();
await mustRunNode('Compiling', [tsc, '-b'], { quiet: true });
for (const { pack, name } of [
  { pack: packClient, name: 'client' },
  { pack: packReact, name: 'react' },
]) {
  const { tarball } = await pack(join(root, 'packages', name, 'dist', 'tarball'));
  console.log(tarball);
}
