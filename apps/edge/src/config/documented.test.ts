import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { flagOf, variableOf } from './names.js';
import { SETTING_KEYS, settingOf } from './settings.js';

const page = readFileSync(new URL('../../../../docs/operating.md', import.meta.url), 'utf8');

it.each(SETTING_KEYS)('docs/operating.md has %s as it is', (key) => {
  const { fallback, help, placeholder } = settingOf(key);
  const flag = placeholder === undefined && fallback === true ? `no-${flagOf(key)}` : flagOf(key);
  const shownFallback =
    fallback === undefined || (Array.isArray(fallback) && fallback.length === 0) ? '' : `\`${fallback}\``;
  const cells = [
    `\`--${flag}${placeholder === undefined ? '' : ` ${placeholder}`}\``,
    `\`${variableOf(key)}\``,
    `\`${key}\``,
  ];
  expect(page).toContain(`| ${cells.join(' | ')} | ${shownFallback} | ${help} |`);
});
