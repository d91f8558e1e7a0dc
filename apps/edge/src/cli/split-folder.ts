import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSha256 } from '@cutpoint/protocol';
import * as v from 'valibot';
import { errnoOf, ModelError } from '../models/error.js';

/** Says what a split wrote, so that the next one knows what it may remove. */
const CUT_FILE = 'cut.json';

/** What is removed of an earlier split: names that nothing else has, whatever its file says. */
const splitSchema = v.object({
  headGraph: v.nullable(v.literal('head.onnx')),
  tailGraph: v.nullable(v.literal('tail.onnx')),
  headPacks: v.array(v.custom<string>(isSha256)),
  tailPacks: v.array(v.custom<string>(isSha256)),
});
type Split = Readonly<v.InferOutput<typeof splitSchema>>;

/**
 * Files of an earlier split in the folder; none when it is empty or not there.
 *
 * @throws ModelError `bad_arguments` when the folder has something else: it is somebody's
 */
export async function earlierSplit(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error): string[] => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw new ModelError('bad_arguments', `--out ${folder}: ${errnoOf(error)}, not a folder to write to`);
  });
  if (names.length === 0) return [];
  const text = names.includes(CUT_FILE) ? await readFile(join(folder, CUT_FILE), 'utf8') : '';
  const parsed = v.safeParse(splitSchema, jsonOf(text));
  if (!parsed.success) {
    throw new ModelError(
      'bad_arguments',
      `--out ${folder}: it has files that are not of an earlier split. Give a new folder, or empty it`,
    );
  }
  const { headGraph, tailGraph, headPacks, tailPacks } = parsed.output;
  return [headGraph, tailGraph, ...headPacks, ...tailPacks, CUT_FILE].filter((name) => name !== null);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Makes the folder, without what an earlier split left there, and with what this one says of itself and its packs. */
export async function fillFolder(folder: string, packsDir: string, about: Split): Promise<void> {
  for (const name of await earlierSplit(folder)) await rm(join(folder, name), { force: true });
  await mkdir(folder, { recursive: true });
  // First of all files: a split that is interrupted after it can be made again in the same folder.
  await writeFile(join(folder, CUT_FILE), `${JSON.stringify(about, null, 2)}\n`);
  for (const sha256 of new Set([...about.headPacks, ...about.tailPacks])) {
    await copyFile(join(packsDir, sha256), join(folder, sha256));
  }
}
