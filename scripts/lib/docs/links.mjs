import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { root } from '../run.mjs';
import { anchorsOf, linksOf, textOf } from './markdown.mjs';

/**
 * What is wrong with the links of a file: those that leave the project are not looked at.
 * @param {string} file from the project's root @param {string} [text]
 * @returns {string[]}
 */
export function brokenLinks(file, text = textOf(file)) {
  return linksOf(text).flatMap((link) => {
    if (/^[a-z]+:/i.test(link)) return [];
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : normalize(join(dirname(file), decodeURI(path)));
    if (path !== '' && !existsSync(join(root, target))) return [`${file}: ${link} leads nowhere`];
    if (anchor === undefined || !target.endsWith('.md')) return [];
    const anchors = anchorsOf(target === file ? text : textOf(target));
    return anchors.has(decodeURIComponent(anchor)) ? [] : [`${file}: there is no #${anchor} in ${target}`];
  });
}
