import { spawnSync } from 'node:child_process';
import { whatIsMissing } from './installed.mjs';
import { root } from './run.mjs';

const MINIMUM_NODE = [20, 19];

/** Installs what the lock file names, unless that is what is installed already. */
export function ensureInstalled() {
  requireNode();
  const missing = whatIsMissing(root);
  if (missing === undefined) return;
  console.log(`Installing dependencies (npm ci), because ${missing} …`);
  const { status, error } = npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund']);
  if (status !== 0) {
    console.error(
      `npm ci failed${error ? `: ${error.message}` : ` (exit code ${status})`}. Is the npm registry reachable?`,
    );
    process.exit(1);
  }
}

/** The npm that runs this script, else the one on the path. */
function npm(args) {
  // onnxruntime-node's install script would download CUDA files; npm 10 knows no allow list for scripts.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const options = { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] };
  const self = process.env.npm_execpath;
  return self?.endsWith('.js')
    ? spawnSync(process.execPath, [self, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantMajor = 0, wantMinor = 0] = MINIMUM_NODE;
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return;
  console.error(`Cutpoint needs Node >= ${MINIMUM_NODE.join('.')}; this is ${process.versions.node}.`);
  process.exit(1);
}
