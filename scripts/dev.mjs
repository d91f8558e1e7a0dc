// `npm run dev`: compiler, edge and page, each reloading on change. Any of them ending ends all.
import { spawn } from 'node:child_process';
import { ensureInstalled } from './lib/install.mjs';
import { mustRunNode, root, tsc, vite } from './lib/run.mjs';

const EDGE_PORT = process.env.CUTPOINT_PORT ?? '8080';

ensureInstalled();
await mustRunNode('Compiling', [tsc, '-b']);

const watched = ['apps/edge/dist', 'packages/onnx/dist', 'packages/partition/dist', 'packages/protocol/dist'];
const children = [
  [tsc, '-b', '--watch', '--preserveWatchOutput'],
  [
    ...watched.map((path) => `--watch-path=${path}`),
    '--watch-preserve-output',
    'apps/edge/bin/cutpoint.js',
    'serve',
    '--port',
    EDGE_PORT,
    '--origin',
    'http://localhost:5173',
    '--origin',
    'http://127.0.0.1:5173',
  ],
  [vite, '--clearScreen', 'false'],
].map((args) =>
  spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, CUTPOINT_EDGE: `http://127.0.0.1:${EDGE_PORT}` },
  }),
);

let isStopping = false;
function stop(code) {
  if (isStopping) return;
  isStopping = true;
  for (const child of children) child.kill('SIGTERM');
  process.exitCode = code;
}
for (const child of children) child.on('close', (code) => stop(code ?? 0));
process.on('SIGINT', () => stop(0));
process.on('SIGTERM', () => stop(0));
