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
    ['install', '--prefix', prefix, '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', spec],
    options,
  );
  if ((await installedVersion(folder)) !== wanted.version) {
    throw new ModelError('npm_failed', `npm installed ${spec} into ${prefix}, but it is not there`);
  }
  return folder;
}

async function runNpm(args: readonly string[], options: NpmOptions): Promise<void> {
  // Under `npm start` npm tells its own path, which works on every platform without a shell.
  const npmCli = process.env.npm_execpath;
  const [command, prefix] = npmCli?.endsWith('npm-cli.js') ? [process.execPath, [npmCli]] : ['npm', []];
  const child = spawn(command, [...prefix, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
  await new Promise<void>((done, failed) => {
    child.once('error', (error) => {
      failed(
        options.signal?.aborted === true
          ? new ModelError('aborted', `npm ${args.join(' ')}: stopped`, { cause: error })
          : new ModelError('npm_failed', `npm could not be started: ${error.message}`, { cause: error }),
      );
    });
    child.once('close', (code) => {
      if (code === 0) return done();
      failed(new ModelError('npm_failed', `npm ${args.join(' ')} ended with ${code}: ${said.trim().slice(-600)}`));
    });
  });
}
