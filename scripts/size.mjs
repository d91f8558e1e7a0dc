// What `import { connect } from '@cutpoint/client'` adds to an app, in bytes gzipped, as one line of JSON. Needs `tsc -b`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packClient } from './lib/package/pack.mjs';
import { sizeOf } from './lib/package/size.mjs';

const ground = await mkdtemp(join(tmpdir(), 'cutpoint-size-'));
try {
  const { folder } = await packClient(join(ground, 'packed'));
  console.log(JSON.stringify(await sizeOf(folder)));
} finally {
  await rm(ground, { recursive: true, force: true });
}
