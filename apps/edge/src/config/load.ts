import { flagOf } from './names.js';
import { SETTING_KEYS, type SettingKey, type SettingValues, settingOf } from './settings.js';
import { CONFIG, type Found, readEnvironment, readFlags, readOpenTelemetry, readSettingsFile } from './sources.js';

type Source = 'flag' | 'environment' | 'file' | "OpenTelemetry's environment" | 'default';

/** All settings, each with where it comes from. */
export interface Settings {
  readonly values: SettingValues;
  readonly sources: Readonly<Record<SettingKey, Source>>;
}

/**
 * Flags over environment over file over what OpenTelemetry's variables say over defaults; a list replaces the list below it.
 * @throws ModelError that names the first wrong key or value.
 */
export function loadSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings | 'help' {
  const flags = readFlags(argv);
  if (flags.isHelp) return 'help';
  const environment = readEnvironment(env);
  const file = flags.file ?? environment.file;
  const layers: readonly (readonly [Source, Found])[] = [
    ['flag', flags.found],
    ['environment', environment.found],
    ['file', file === undefined ? new Map() : readSettingsFile(file)],
    ["OpenTelemetry's environment", readOpenTelemetry(env)],
  ];
  const chosen = SETTING_KEYS.map((key) => {
    const [source, found] = layers.find(([, layer]) => layer.has(key)) ?? ['default' as const, undefined];
    return { key, source, value: found === undefined ? settingOf(key).fallback : found.get(key) };
  });
  return {
    // Each value has passed its own setting's `accept`.
    values: Object.fromEntries(chosen.map(({ key, value }) => [key, value])) as SettingValues,
    sources: Object.fromEntries(chosen.map(({ key, source }) => [key, source])) as Settings['sources'],
  };
}

const REDACTED = '***';

/** All values, for the log; secrets are only said to be there. */
export function redacted({ values }: Settings): Record<string, unknown> {
  return Object.fromEntries(
    SETTING_KEYS.map((key) => {
      const value = values[key];
      const isHidden = settingOf(key).isSecret === true && !(Array.isArray(value) && value.length === 0);
      return [key, isHidden ? REDACTED : value];
    }),
  );
}

/** What differs from the defaults, in one line for people. */
export function summary(settings: Settings): string {
  const shown = redacted(settings);
  const changed = SETTING_KEYS.filter((key) => settings.sources[key] !== 'default').map((key) => {
    const value = shown[key];
    return `${key} = ${typeof value === 'string' ? value : JSON.stringify(value)} (${settings.sources[key]})`;
  });
  return changed.length === 0 ? 'Settings: all defaults' : `Settings: ${changed.join(', ')}; the others are defaults`;
}

/** The lines of the usage that explain the settings. */
export function settingsUsage(): string {
  const lines = SETTING_KEYS.map((key) => {
    const { placeholder, fallback, help } = settingOf(key);
    if (placeholder === undefined && fallback === true) return [`--no-${flagOf(key)}`, `without ${help}`];
    const name = `--${flagOf(key)}`;
    const isShown = typeof fallback === 'number' || typeof fallback === 'string';
    return [placeholder === undefined ? name : `${name} ${placeholder}`, isShown ? `${help} (${fallback})` : help];
  });
  return [...lines, [`--${CONFIG} <file>`, 'a JSON file of these settings, by their names in camelCase']]
    .map(([left = '', right]) => `  ${left.padEnd(33)} ${right}`)
    .join('\n');
}
