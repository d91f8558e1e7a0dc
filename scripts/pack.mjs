// `npm run pack`: the tarball of @cutpoint/client, as it would be published.
import { join } from 'node:path';
import { ensureInstalled } from './lib/install.mjs';
import { packClient } from './lib/package/pack.mjs';
import { mustRunNode, root, tsc } from './lib/run.mjs';

ensureInstalled();
await mustRunNode('Compiling', [tsc, '-b'], { quiet: true });
const { tarball } = await packClient(join(root, 'packages', 'client', 'dist', 'tarball'));
console.log(tarball);
