// npm run bench -- NAME [--json] [options]: builds what the benches need, then runs one. Without a name it lists them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium } from './lib/chromium.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
if (!existsSync(tsc)) {
  console.error('The dependencies are not installed. Run `npm install` first.');
  process.exit(1);
}

// Compiler output goes to stderr: the last line of stdout is the bench's own.
const build = spawnSync(process.execPath, [tsc, '-b', 'apps/bench', 'apps/edge'], {
  cwd: root,
  stdio: ['ignore', 2, 2],
});
if (build.status !== 0) process.exit(build.status ?? 1);

const chromium = await findChromium();
const bench = spawn(process.execPath, [join(root, 'apps/bench/dist/main.js'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  // onnxruntime-node reads the first before anything else runs; some benches drive a browser.
  env: { ...process.env, ORT_DISABLE_TELEMETRY: '1', ...(chromium && { CUTPOINT_CHROMIUM: chromium }) },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => bench.kill(signal));
bench.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
