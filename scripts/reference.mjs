// `npm run reference`: docs/api, from the types.
import { join } from 'node:path';
import { writeReference } from './lib/docs/reference.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { root } from './lib/run.mjs';

ensureInstalled();
await writeReference(join(root, 'docs', 'api'));
