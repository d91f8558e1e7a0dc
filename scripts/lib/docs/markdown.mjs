import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { marked } from 'marked';
import { root } from '../run.mjs';

/** Paths from the project's root of all markdown in it, uncommitted files too. */
export function documents() {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: root });
  return String(listed)
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)));
}

export function textOf(file) {
  return readFileSync(join(root, file), 'utf8');
}

/**
 * The fenced blocks of a text. What a sample takes for given stands in a comment right above it, which no reader sees:
 * `<!-- given: declare const picture: Blob; -->`.
 * @returns {{ language: string, source: string, given: string }[]}
 */
export function samplesOf(text) {
  const samples = [];
  let given = '';
  for (const token of marked.lexer(text)) {
    if (token.type === 'code' && token.lang)
      samples.push({ language: token.lang.split(/\s/)[0], source: token.text, given });
    if (token.type !== 'space')
      given = /^<!-- given: ([\s\S]*?)-->/.exec(token.type === 'html' ? token.text : '')?.[1] ?? '';
  }
  return samples;
}

/** Where a text links to, pictures included. @returns {string[]} */
export function linksOf(text) {
  const links = [];
  marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type === 'link' || token.type === 'image') links.push(token.href);
  });
  return links;
}

/** What may stand behind a `#`: headings, as GitHub names them, and `<a id>`. @returns {Set<string>} */
export function anchorsOf(text) {
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)"/g)].map(([, id]) => id));
  const seen = new Map();
  marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type !== 'heading') return;
    const slug = plain(token.tokens)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  });
  return anchors;
}

function plain(tokens) {
  return tokens.map((token) => (token.tokens ? plain(token.tokens) : (token.text ?? token.raw))).join('');
}
