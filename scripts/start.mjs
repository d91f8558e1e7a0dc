// `npm start`: installs what is missing, builds, and starts the edge with the demo page on one port.
import { spawn } from 'node:child_process';
import { buildAll } from './lib/build.mjs';
import { ensureInstalled } from './lib/install.mjs';
import { root } from './lib/run.mjs';

ensureInstalled();
await buildAll();

const edge = spawn(
  process.execPath,
  ['apps/edge/bin/cutpoint.js', 'serve', '--page', 'dist', '--demo', ...process.argv.slice(2)],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
// A terminal sends Ctrl-C to the edge as well; a supervisor's SIGTERM reaches only this process.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => edge.kill('SIGTERM'));
edge.on('close', (code) => process.exit(code ?? 1));
