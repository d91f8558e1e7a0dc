import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { type ModelConfig, modelConfigSchema } from './config.js';
import { errnoOf, ModelError, messageOf } from './error.js';

/** Reads `config.json`; an error names the file, the key and the value that is wrong. */
export async function readConfig(file: string): Promise<ModelConfig> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw new ModelError('bad_config', `${file} is missing`, { cause: error });
    throw new ModelError('bad_config', `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new ModelError('bad_config', `${file} is not JSON: ${messageOf(error)}`, { cause: error });
  }
  return checkConfig(json, file);
}

/** @param file named in the error. */
export function checkConfig(json: unknown, file: string): ModelConfig {
  const parsed = v.safeParse(modelConfigSchema, json);
  if (!parsed.success) {
    const reasons = v.flatten(parsed.issues);
    const issue = deepest(parsed.issues);
    const key = v.getDotPath(issue) ?? '(the whole file)';
    const value = shorten(JSON.stringify(issue.input) ?? 'nothing');
    const more = parsed.issues.length > 1 ? ` (and ${Object.keys(reasons.nested ?? {}).length - 1} more)` : '';
    throw new ModelError('bad_config', `${file}: ${key} is ${value}: ${issue.message}${more}`);
  }
  const config = parsed.output;
  if (config.post !== undefined && config.pixels === undefined) {
    throw new ModelError('bad_config', `${file}: post needs pixels: post-processing belongs to the pixel variant`);
  }
  return config;
}

type Issue = v.InferIssue<typeof modelConfigSchema>;

/** A union only says "no option fits"; the issue inside it that got furthest says which key is wrong. */
function deepest(issues: readonly [Issue, ...Issue[]]): Issue {
  let best = issues[0];
  for (const issue of issues) {
    if ((issue.path?.length ?? 0) > (best.path?.length ?? 0)) best = issue;
  }
  return best;
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
