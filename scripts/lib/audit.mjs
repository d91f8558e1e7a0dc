import { spawnSync } from 'node:child_process';
import { root } from './run.mjs';

/** @typedef {{ findings: string[] } | { unavailable: string }} Audit */

/** A registry that does not answer is not waited for longer. */
const PATIENCE_MS = 20_000;

/**
 * What npm knows against what this project runs with.
 * @returns {Audit}
 */
export function auditProduction() {
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', `--fetch-timeout=${PATIENCE_MS / 2}`];
  const { stdout, error } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    shell: process.platform === 'win32',
  });
  return error === undefined ? readAudit(stdout) : { unavailable: error.message };
}

/**
 * @param {string} text what `npm audit --json` wrote
 * @returns {Audit}
 */
export function readAudit(text) {
  let report;
  try {
    report = JSON.parse(text);
  } catch {
    return { unavailable: 'npm wrote no report' };
  }
  // Registries that know of no advisories answer with an error, in a form of theirs.
  if (typeof report?.vulnerabilities !== 'object' || report.vulnerabilities === null) {
    return { unavailable: `no report: status ${report?.statusCode ?? 'unknown'}` };
  }
  return {
    findings: Object.values(report.vulnerabilities).map(({ name, severity, range }) => `${name} ${range}: ${severity}`),
  };
}
