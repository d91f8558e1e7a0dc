/**
 * Whether a .dockerignore leaves a path out of what is built from. No exceptions (`!`).
 * @param {string} text @returns {(path: string) => boolean}
 */
export function ignoredBy(text) {
  const patterns = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  const expressions = patterns.map((pattern) => {
    if (pattern.startsWith('!')) throw new Error(`an exception: ${pattern}`);
    const source = pattern
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
    return new RegExp(`^${source}(?:/|$)`);
  });
  return (path) => expressions.some((expression) => expression.test(path));
}
