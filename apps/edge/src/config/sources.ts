import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ModelError, messageOf } from '../models/error.js';
import { ENVIRONMENT_PREFIX, flagOf, nearest, variableOf } from './names.js';
import { SETTING_KEYS, type SettingKey, settingOf, TRACES_PATH } from './settings.js';

/** What one place says of some settings. */
export type Found = ReadonlyMap<SettingKey, unknown>;

interface Flags {
  readonly found: Found;
  /** `--config`. */
  readonly file: string | undefined;
  readonly isHelp: boolean;
}

const HELP = 'help';
/** The first that is there counts. By OpenTelemetry's rules it is taken as it is; to the second the path is added. */
const COLLECTOR = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT';
const COLLECTOR_OF_ALL = 'OTEL_EXPORTER_OTLP_ENDPOINT';
/** Names the file, so it cannot stand in it. */
export const CONFIG = 'config';
const KEY_OF_FLAG = new Map(SETTING_KEYS.map((key) => [flagOf(key), key]));
const KEY_OF_VARIABLE = new Map(SETTING_KEYS.map((key) => [variableOf(key), key]));

/** @throws ModelError `bad_arguments` that names the flag. */
export function readFlags(argv: readonly string[]): Flags {
  const texts = new Map<string, string[]>();
  // Not strict: its complaints name no flag that was perhaps meant.
  const { tokens } = parseArgs({ args: [...argv], options: flagTypes(), strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw wrong(`${JSON.stringify(token.value)} is no option`);
    if (token.kind !== 'option') continue;
    const { name, text } = flagText(token.name, token.rawName, token.value);
    texts.set(name, [...(texts.get(name) ?? []), text]);
  }
  const found = new Map<SettingKey, unknown>();
  for (const [name, key] of KEY_OF_FLAG) {
    const given = texts.get(name);
    if (given === undefined) continue;
    found.set(key, accepted(key, settingOf(key).fromTexts(given), `--${name}`, wrong));
  }
  return { found, file: texts.get(CONFIG)?.at(-1), isHelp: texts.has(HELP) };
}

/** @throws ModelError `bad_config` that names the variable. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): {
  readonly found: Found;
  readonly file: string | undefined;
} {
  const found = new Map<SettingKey, unknown>();
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || name === variableOf(CONFIG) || text === undefined) continue;
    const key = KEY_OF_VARIABLE.get(name);
    if (key === undefined)
      throw bad(`there is no ${name}; did you mean ${nearest(name, [...KEY_OF_VARIABLE.keys()])}?`);
    found.set(key, accepted(key, settingOf(key).fromTexts([text]), name, bad));
  }
  return { found, file: env[variableOf(CONFIG)] };
}

/** @throws ModelError `bad_config` that names the file, and the key in it. */
export function readSettingsFile(file: string): Found {
  const found = new Map<SettingKey, unknown>();
  for (const [name, json] of Object.entries(readObject(file))) {
    const key = SETTING_KEYS.find((known) => known === name);
    if (key === undefined) throw bad(`${file}: there is no ${name}; did you mean ${nearest(name, SETTING_KEYS)}?`);
    const value = accepted(key, json, `${file}: ${key}`, bad);
    const isPath = settingOf(key).isPath === true && typeof value === 'string';
    found.set(key, isPath ? resolve(dirname(file), value) : value);
  }
  return found;
}

/**
 * What OpenTelemetry's own variables say of where spans go; all else that they say its library reads by itself.
 * @throws ModelError `bad_config` that names the variable.
 */
export function readOpenTelemetry(env: Readonly<Record<string, string | undefined>>): Found {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter } = env;
  const { [COLLECTOR]: own, [COLLECTOR_OF_ALL]: ofAll } = env;
  if (disabled?.toLowerCase() === 'true' || exporter === 'none' || (!own && !ofAll)) return new Map();
  const address = own || ofAll?.replace(/\/?$/, TRACES_PATH);
  return new Map([['traces', accepted('traces', address, own ? COLLECTOR : COLLECTOR_OF_ALL, bad)]]);
}

function flagTypes() {
  const types = [...KEY_OF_FLAG].map(([name, key]) => [name, { type: isToggle(key) ? 'boolean' : 'string' }] as const);
  return Object.fromEntries([...types, [HELP, { type: 'boolean', short: 'h' }], [CONFIG, { type: 'string' }]] as const);
}

function isToggle(key: SettingKey): boolean {
  return settingOf(key).placeholder === undefined;
}

/** A flag's own name and the text that stands for its value: `--no-canary` is `canary` with `false`. */
function flagText(name: string, rawName: string, value: string | undefined): { name: string; text: string } {
  if (name === HELP) return { name, text: 'true' };
  const positive = name.replace(/^no-/, '');
  const key = KEY_OF_FLAG.get(name) ?? KEY_OF_FLAG.get(positive);
  const isNegative = key !== undefined && flagOf(key) !== name;
  if (name !== CONFIG && (key === undefined || (isNegative && !isToggle(key)))) {
    const meant = nearest(name, [...KEY_OF_FLAG.keys(), CONFIG]);
    throw wrong(`there is no ${rawName}; did you mean --${meant}?`);
  }
  if (key !== undefined && isToggle(key)) return { name: flagOf(key), text: value ?? String(!isNegative) };
  if (value === undefined) throw wrong(`${rawName} needs a value`);
  return { name, text: value };
}

function accepted(key: SettingKey, json: unknown, name: string, error: (message: string) => ModelError): unknown {
  const setting = settingOf(key);
  const value = setting.accept(json);
  if (value !== undefined) return value;
  const shown = setting.isSecret ? 'wrong (it is not shown)' : shownOf(json);
  throw error(`${name} is ${shown}; it must be ${setting.expected}`);
}

/** One wrong item of a flag is more easily recognised without the brackets. */
function shownOf(json: unknown): string {
  const [only, ...more] = Array.isArray(json) ? json : [json];
  const shown = (JSON.stringify(more.length > 0 ? json : only) ?? 'nothing').slice(0, 200);
  // In an address there may be a password.
  return shown.replace(/\/\/[^/@]*@/g, '//***@');
}

function readObject(file: string): object {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    // What stands in the file may be a secret, and a complaint about JSON quotes it.
    const reason = cause instanceof SyntaxError ? 'it is not JSON' : messageOf(cause);
    throw new ModelError('bad_config', `${file} cannot be read: ${reason}`, { cause });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  throw bad(`${file} must be a JSON object, like {"port": 8080}`);
}

function wrong(message: string): ModelError {
  return new ModelError('bad_arguments', message);
}

function bad(message: string): ModelError {
  return new ModelError('bad_config', message);
}
