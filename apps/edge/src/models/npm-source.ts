import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf, ModelError } from './error.js';

/** A package at one exact version. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
}

const DEFAULT_TIMEOUT_MS = 10 * 60_000;

const SPEC = /^((?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*)@(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/;

/** @param spec `name@1.2.3` or `@scope/name@1.2.3`; ranges and tags are refused, because they move. */
export function parseNpmSpec(spec: string): NpmPackage {
  const match = SPEC.exec(spec);
  const [name, version] = [match?.[1], match?.[2]];
  if (name === undefined || version === undefined) {
    throw new ModelError(
      'bad_config',
      `${JSON.stringify(spec)} is not a package at an exact version: write it like "@scope/name@1.2.3"`,
    );
  }
  return { name, version };
}

export interface NpmOptions {
  /** Folders whose `node_modules`, and those above them, are looked through first. */
  readonly from: readonly string[];
  readonly storeDir: string;
  readonly signal?: AbortSignal;
  readonly onInstall?: (spec: string) => void;
  /** How long npm may take. Default 10 minutes. */
  readonly timeoutMs?: number;
}

/** The absolute path of a file inside a package, which is installed into the store when it is not there yet. */
export async function resolveNpmFile(spec: string, path: string, options: NpmOptions): Promise<string> {
  const wanted = parseNpmSpec(spec);
  const folder = (await findInstalled(wanted, options.from)) ?? (await install(wanted, options));
  const file = resolve(folder, path);
  if (!file.startsWith(folder + sep)) {
    throw new ModelError('bad_config', `${JSON.stringify(path)} leads out of the package ${spec}`);
  }
  return file;
}

async function findInstalled(wanted: NpmPackage, from: readonly string[]): Promise<string | undefined> {
  for (const start of [...from, dirname(fileURLToPath(import.meta.url))]) {
    for (let folder = resolve(start); ; folder = dirname(folder)) {
      const candidate = join(folder, 'node_modules', wanted.name);
      if ((await installedVersion(candidate)) === wanted.version) return candidate;
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}

async function installedVersion(folder: string): Promise<string | undefined> {
  try {
    const json: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    if (typeof json === 'object' && json !== null && 'version' in json && typeof json.version === 'string') {
      return json.version;
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR' && !(error instanceof SyntaxError)) throw error;
  }
  return undefined;
}

/** One prefix for each version: two models may want two versions of one package. */
async function install(wanted: NpmPackage, options: NpmOptions): Promise<string> {
  const spec = `${wanted.name}@${wanted.version}`;
  const prefix = join(options.storeDir, 'npm', spec.replace('/', '+'));
  const folder = join(prefix, 'node_modules', wanted.name);
  if ((await installedVersion(folder)) === wanted.version) return folder;
  await mkdir(prefix, { recursive: true }).catch((error) => {
    throw ModelError.fromStore(error, prefix);
  });
  options.onInstall?.(spec);
  await runNpm(
    prefix,
    ['install', '--prefix', '.', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', spec],
    options,
  );
  if ((await installedVersion(folder)) !== wanted.version) {
    throw new ModelError('npm_failed', `npm installed ${spec} into ${prefix}, but it is not there`);
  }
  return folder;
}

/** @param args nothing in them needs quoting: on Windows a shell reads them. */
async function runNpm(folder: string, args: readonly string[], options: NpmOptions): Promise<void> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]);
  // Under `npm start` npm tells its own path; elsewhere it is looked for on the path, where Windows has only an `npm.cmd`.
  const npmCli = process.env.npm_execpath;
  const [command, before] = npmCli?.endsWith('npm-cli.js') ? [process.execPath, [npmCli]] : ['npm', []];
  const child = spawn(command, [...before, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: command === 'npm' && process.platform === 'win32',
    signal,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  const what = `npm ${args.join(' ')} in ${folder}`;
  const lastWords = () => said.trim().slice(-600) || 'it said nothing';
  await new Promise<void>((done, failed) => {
    child.once('error', (error) => failed(failure(error)));
    child.once('close', (code, by) => {
      if (code === 0) return done();
      failed(new ModelError('npm_failed', `${what} ended with ${by ?? code}: ${lastWords()}`));
    });
  });

  function failure(cause: Error): ModelError {
    if (options.signal?.aborted === true) return new ModelError('aborted', `${what}: stopped`, { cause });
    const reason = timeout.aborted
      ? `was not done after ${timeoutMs / 1000} s and was stopped; is the npm registry reachable? ${lastWords()}`
      : `could not be started (${cause.message}): is npm installed and on the PATH?`;
    return new ModelError('npm_failed', `${what} ${reason}`, { cause });
  }
}
