// `npm test`: everything that CI checks. The last line counts over all runners.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from './lib/install.mjs';
import { bench, biome, playwright, root, runForLastLine, runNode, tsc, vite, vitest } from './lib/run.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Tally */

process.chdir(root);
ensureInstalled();

const reports = mkdtempSync(join(tmpdir(), 'cutpoint-test-'));
process.on('exit', () => rmSync(reports, { recursive: true, force: true }));

/** @type {Tally} */
const total = { passed: 0, failed: 0, skipped: 0 };

/** @param {string} title @param {() => Promise<Tally>} work */
async function stage(title, work) {
  const startedAt = Date.now();
  console.log(`\n== ${title}`);
  const tally = await work();
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += tally[key];
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(`-- ${title}: ${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped (${seconds} s)`);
  return tally.failed === 0;
}

/** A runner that has no tests of its own counts as one. */
async function check(...args) {
  const isGood = (await runNode(args)) === 0;
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}

async function unitTests() {
  const file = join(reports, 'vitest.json');
  const code = await runNode([vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`]);
  const { numPassedTests, numFailedTests, numPendingTests, numTotalTests } = readReport(file);
  return settle(
    code,
    { passed: numPassedTests ?? 0, failed: numFailedTests ?? 0, skipped: numPendingTests ?? 0 },
    numTotalTests,
  );
}

/**
 * Of the requests of the soak whose clients waited, so many are answered at least. It asks for half of what the edge could do when it
 * began; what is refused comes in bursts, while tails are opened and versions prepared: 2 to 20 % in four runs on two cores, by how fast
 * the machine was in its first seconds and how fast later.
 */
const LEAST_OK_PCT = 60;

/**
 * The edge under load for a minute, with models that are replaced and clients that vanish: nothing is lost, nothing fails, and most is
 * answered. Its memory is printed and not judged: in its first minute an edge still warms up, and docs/benchmarks/edge.md has what
 * ten minutes say.
 */
async function soak() {
  const { code, lastLine } = await runForLastLine(
    [bench, 'edge', '--json', '--only', 'soak', '--soak-s', '60'],
    // As scripts/bench.mjs has it.
    { env: { ORT_DISABLE_TELEMETRY: '1' } },
  );
  const { swaps = 0, lost, errored, okPct = 0 } = parsed(lastLine).soak ?? {};
  console.log(lastLine);
  const isGood = code === 0 && swaps > 0 && lost === 0 && errored === 0 && okPct >= LEAST_OK_PCT;
  return { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
}

/**
 * Specs that compare times, or wait for decisions that follow them: each has the machine to itself. The others mostly wait, so
 * two run at a time.
 */
const TIMED_SPECS = ['client-reservations', 'client-stalls', 'client-stream', 'page-play', 'page-squeezenet'];

/** @param {string} name @param {string[]} files @param {number} workers */
async function browserTests(name, files, workers) {
  const { ensureChromium } = await import('./lib/chromium.mjs');
  const executable = await ensureChromium();
  console.log(`Browser: ${executable}`);
  const file = join(reports, `playwright-${name}.json`);
  const code = await runNode(
    [
      playwright,
      'test',
      ...files,
      '--workers',
      String(workers),
      '--output',
      `test-results/${name}`,
      '--reporter=list,json',
    ],
    {
      env: { CUTPOINT_CHROMIUM: executable, CUTPOINT_BUILT: '1', PLAYWRIGHT_JSON_OUTPUT_NAME: file },
    },
  );
  const { expected = 0, unexpected = 0, flaky = 0, skipped = 0 } = readReport(file).stats ?? {};
  return settle(code, { passed: expected, failed: unexpected + flaky, skipped }, expected + unexpected + flaky);
}

/** Every spec, as paths that Playwright takes. */
function specFiles() {
  const files = readdirSync(join(root, 'e2e'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.spec.ts')).map((file) => `e2e/${file.replaceAll('\\', '/')}`);
}

async function endToEnd() {
  const timed = TIMED_SPECS.map((name) => `e2e/${name}.spec.ts`);
  const others = specFiles().filter((file) => !timed.includes(file));
  await stage('end to end', () => browserTests('others', others, 2));
  await stage('end to end, timed', () => browserTests('timed', timed, 1));
}

function readReport(file) {
  return existsSync(file) ? parsed(readFileSync(file, 'utf8')) : {};
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** A runner that failed, or ran nothing, without naming a failed test still failed. */
function settle(code, tally, ran) {
  const isSilentFailure = tally.failed === 0 && (code !== 0 || !ran);
  return isSilentFailure ? { ...tally, failed: 1 } : tally;
}

await stage('lint and format', () => check(biome, 'check', '.'));
const isCompiled = await stage('types', () => check(tsc, '-b'));
if (isCompiled) {
  await stage('unit and integration', unitTests);
  // The bundle needs no quiet machine, and the soak leaves a core.
  const [isBundled] = await Promise.all([
    stage('page bundle', () => check(vite, 'build', '--logLevel', 'warn')),
    stage('soak', soak),
  ]);
  if (isBundled) await endToEnd();
}

console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed === 0 ? 0 : 1;
